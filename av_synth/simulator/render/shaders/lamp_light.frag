// What a street lamp or a beam throws on the ground: how it falls off ahead, across and away.
// A colour below 0 marks the head of a street lamp that is off, in alpha.
// square: street lamps -1..1 round; beams 0..1 ahead (x) and -1..1 across (y), marked by x + 2.
in vec2 square;
in vec3 colour;
in float ground;
layout(location = 0) out vec4 out_light;
layout(location = 1) out vec4 out_from;
void main() {
    float light;
    vec2 from;
    if (square.x > 1.5) {
        float ahead = square.x - 2.0, across = abs(square.y) / (0.10 + 0.50 * ahead);
        light = smoothstep(0.0, 0.05, ahead) * (1.0 - smoothstep(0.3, 1.0, ahead)) * (1.0 - smoothstep(0.35, 1.0, across));
        light *= 1.0 / (1.0 + 5.0 * ahead);
        // the map lies as the world does
        from = -normalize(vec2(dFdx(ahead), dFdy(ahead)));
    } else {
        float r = 1.0 - min(dot(square, square), 1.0);
        light = r * r * r;
        from = -square / (0.45 + length(square));  // as much as the lamp is to the side and not above
    }
    out_from = vec4(from, ground, 0.0) * light * max(colour.r + colour.g + colour.b, 0.0);
    out_light = colour.r < 0.0 ? vec4(0.0, 0.0, 0.0, -colour.r) : vec4(colour * light, 0.0);
}
