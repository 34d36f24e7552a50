// Fog that lamps light around them: quads made on the CPU.
in vec3 in_position;
in vec2 in_square;
in vec3 in_colour;
out vec2 square;
out vec3 colour;
void main() {
    gl_Position = clip_from_relative * vec4(in_position, 1.0);
    square = in_square;
    colour = in_colour;
}
