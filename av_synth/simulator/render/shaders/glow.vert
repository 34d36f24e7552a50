// Lamps' halos, and their streaks on a wet road: quads made on the CPU.
in vec3 in_position;
in vec2 in_square;
in vec3 in_colour;
out vec3 relative;
out vec2 square;
out vec3 colour;
void main() {
    gl_Position = clip_from_relative * vec4(in_position, 1.0);
    relative = in_position;
    square = in_square;
    colour = in_colour;
}
