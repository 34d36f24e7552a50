// A flake near the camera, soft at its edges.
in vec2 square;
flat in float dense;
in vec3 light;
layout(location = 0) out vec4 out_colour;
void main() {
    out_colour = vec4(developed(light), 0.85 * dense * max(1.0 - dot(square, square), 0.0));
}
