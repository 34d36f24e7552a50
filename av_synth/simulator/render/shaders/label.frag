// Labels alone, where nobody asked for colour.
flat in uint label;
layout(location = 1) out uint out_label;
#ifdef NORMALS
in vec3 normal;
layout(location = 3) out vec4 out_normal;
#endif
#ifdef FLOW
in vec3 relative;
in vec3 moved;
#endif
void main() {
    out_label = label;
#ifdef FLOW
    out_flow = flow(relative, moved);
#endif
#ifdef NORMALS
    out_normal = vec4(normalize(normal), 0.0);
#endif
}
