// Lamps' halos, and their streaks on a wet road.
in vec3 relative;
in vec2 square;
in vec3 colour;
layout(location = 0) out vec4 out_colour;
void main() {
    float r = max(1.0 - dot(square, square), 0.0);
    vec3 light = colour * (r * r * r) * (1.0 - hazed(relative));
    out_colour = vec4(light.bgr, 0.0);
}
