// Light pools on the ground, drawn into the light map: position in the map and shape of the pool.
in vec2 in_position;
in vec2 in_square;
in vec3 in_colour;
in float in_ground;  // metres above the eye
out vec2 square;
out vec3 colour;
out float ground;
uniform vec3 map;  // scale, offset x, offset y: world to 0..1
void main() {
    gl_Position = vec4((in_position * map.x + map.yz) * 2.0 - 1.0, 0.5, 1.0);
    square = in_square;
    colour = in_colour;
    ground = in_ground;
}
