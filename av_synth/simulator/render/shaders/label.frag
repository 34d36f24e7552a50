// Labels alone, where nobody asked for colour.
flat in uint label;
layout(location = 1) out uint out_label;
void main() { out_label = label; }
