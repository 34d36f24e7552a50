in vec3 relative;
in vec2 square;
flat in float dense;
in float above;
layout(location = 0) out vec4 out_colour;
void main() {
    float r = max(1.0 - dot(square, square), 0.0);
    // it thins out into the ground instead of being cut off by it
    float cover = dense * r * r * smoothstep(0.0, 0.25, above);
    vec3 light = 0.55 * sky_light.rgb + 0.12 * key_colour.rgb + air_light(normalize(relative)) * 0.25;
    light += 0.25 * texture(lamp_light, (relative.xy + eye.xy) * lamps.x + lamps.yz).rgb * lamps.w;
    out_colour = vec4(developed(light), cover * (1.0 - hazed(relative)));
}
