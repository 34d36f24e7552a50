// Labels alone, where nobody asked for colour.
flat in uint label;
layout(location = 1) out uint out_label;
#ifdef FLOW
in vec3 relative;
in vec3 moved;
#endif
void main() {
    out_label = label;
#ifdef FLOW
    out_flow = flow(relative, moved);
#endif
}
