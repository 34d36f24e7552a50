// The dark that a body keeps off the ground right under it.
in vec3 in_position;  // camera-relative
in vec3 in_square;    // -1..1 over the quad; z: how dark
out vec3 square;
out vec3 relative;
void main() {
    gl_Position = clip_from_relative * vec4(in_position, 1.0);
    square = in_square;
    relative = in_position;
}
