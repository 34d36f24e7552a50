// Whether an actor covers the pixel at all.
layout(location = 0) out vec4 out_cover;
void main() { out_cover = vec4(1.0); }
