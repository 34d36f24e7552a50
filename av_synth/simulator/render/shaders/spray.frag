// A puff of water behind a wheel, soft at its edges.
in vec2 square;
flat in float dense;
in float above;
in vec3 light;
layout(location = 0) out vec4 out_colour;
void main() {
    float r = max(1.0 - dot(square, square), 0.0);
    // it thins out into the ground instead of being cut off by it
    float cover = dense * r * r * smoothstep(0.0, 0.25, above);
    out_colour = vec4(developed(light), cover);
}
