// Fog that lamps light around them, thinner away from the lamp.
in vec2 square;
in vec3 colour;
layout(location = 0) out vec4 out_colour;
void main() {
    float r2 = dot(square, square), rim = max(1.0 - r2, 0.0);
    // bright at the lamp, and long in going out
    out_colour = vec4(colour.bgr * (rim * rim * 0.25 / (0.12 + sqrt(r2))), 0.0);
}
