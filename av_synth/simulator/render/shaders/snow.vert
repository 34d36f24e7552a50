// Flakes near the camera: quads made on the CPU, lit at their corners, for they are small and many.
in vec3 in_position;
in vec2 in_square;
in float in_dense;
uniform sampler2D lamp_light;
out vec2 square;
flat out float dense;
out vec3 light;
void main() {
    gl_Position = clip_from_relative * vec4(in_position, 1.0);
    square = in_square;
    dense = in_dense;
    vec3 thrown = textureLod(lamp_light, (in_position.xy + eye.xy) * lamps.x + lamps.yz, 0.0).rgb;
    light = 0.85 * (0.5 * sky_light.rgb + 0.5 * ground_light.rgb + 0.3 * key_colour.rgb) + lamps.w * thrown;
}
