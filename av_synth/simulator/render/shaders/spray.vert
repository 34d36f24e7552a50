// Puffs of water behind wheels: quads made on the CPU, lit at their corners, for they are soft and many.
in vec3 in_position;
in vec2 in_square;
in vec2 in_puff;  // how dense; height of the ground
uniform sampler2D lamp_light;
out vec2 square;
flat out float dense;
out float above;
out vec3 light;
void main() {
    gl_Position = clip_from_relative * vec4(in_position, 1.0);
    square = in_square;
    dense = in_puff.x;
    above = in_position.z - in_puff.y;
    vec3 thrown = textureLod(lamp_light, (in_position.xy + eye.xy) * lamps.x + lamps.yz, 0.0).rgb;
    light = 0.55 * sky_light.rgb + 0.12 * key_colour.rgb + 0.25 * haze.rgb + 0.25 * lamps.w * thrown;
}
