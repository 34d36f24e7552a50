// The dark that a body keeps off the ground right under it, soft at its edges.
in vec3 square;
in vec3 relative;
layout(location = 0) out vec4 out_colour;
void main() {
    vec2 edge = 1.0 - smoothstep(0.45, 1.0, abs(square.xy));
    out_colour = vec4(vec3(1.0 - square.z * edge.x * edge.y * (1.0 - hazed(relative))), 1.0);
}
