// Puffs of water behind wheels: quads made on the CPU.
in vec3 in_position;
in vec2 in_square;
in vec2 in_puff;  // how dense; height of the ground
out vec3 relative;
out vec2 square;
flat out float dense;
out float above;
void main() {
    gl_Position = clip_from_relative * vec4(in_position, 1.0);
    relative = in_position;
    square = in_square;
    dense = in_puff.x;
    above = in_position.z - in_puff.y;
}
