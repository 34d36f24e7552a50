// How materials look in sun, shadow, lamp light, wet and air: all bodies and the town.
// One program per material: its name, and what makes it another program, are defined in front of this text: see
// `Variant` and `Extras` of programs.py.
in vec3 relative;
in vec3 normal;
in vec3 colour;
flat in uint label;

uniform vec3 paint;
uniform vec3 emission;
#ifdef TEXTURED
in vec2 uv;
uniform sampler2D picture;
#endif
#ifdef FLOW
in vec3 moved;
#endif

in float open_sky;  // share of what is above that nothing near hides
#ifndef NIGHT
in vec3 in_shadow_map;
#endif
#ifndef MURKY
in vec4 air;  // what it adds, and its share
#endif

layout(location = 0) out vec4 out_colour;
layout(location = 1) out uint out_label;
#ifdef NORMALS
layout(location = 3) out vec4 out_normal;
#endif

float hash(vec2 cell) {
    vec3 p = fract(cell.xyx * vec3(0.1031, 0.1030, 0.0973));
    p += dot(p, p.yzx + 33.33);
    return fract((p.x + p.y) * p.z);
}

void main() {
    vec3 n = normalize(normal);
    vec3 away = normalize(relative);  // from the eye
    vec3 place = relative + eye.xyz;  // world
    float night = surface.x, wetness = surface.y;

    vec3 albedo = colour;
    vec3 shine = vec3(0.0);   // mirrored and own light, which no shadow dims
    float highlight = 0.0;    // share of the key light that is mirrored into the eye
    float translucent = 0.0;

#if defined(ASPHALT) || defined(MARKING) || defined(PAVING) || defined(GRASS)
    vec4 grain = texture(noise, place.xy * 0.31);
    vec4 patches = texture(noise, place.yx * 0.0213 + 0.13);
#endif

#ifdef TEXTURED
    vec3 shown = texture(picture, uv).rgb;
    albedo *= shown * shown;
#endif
#ifdef ASPHALT
    // stones of all greys, worn and patched, and a mended crack here and there
    albedo *= 0.62 + 0.42 * patches.z + 0.95 * (grain.x - 0.5) + 0.45 * (grain.y - 0.5) + 0.30 * (patches.x - 0.5);
    albedo *= 1.0 - 0.40 * smoothstep(0.016, 0.006, abs(patches.w - 0.42)) * smoothstep(0.45, 0.62, grain.z);
#endif
#ifdef MARKING
    albedo *= 0.86 + 0.28 * (grain.x - 0.5) - 0.16 * smoothstep(0.45, 0.75, patches.w);
#endif
#ifdef PAVING
    if (n.z > 0.5) {
        vec2 slab = place.xy * vec2(1.6667, 2.5);
        slab.x += 0.5 * mod(floor(slab.y), 2.0);
        vec2 edge = abs(fract(slab) - 0.5), blur = fwidth(slab) + 0.004;
        vec2 joint = smoothstep(0.5 - 0.012 - blur, vec2(0.5), edge) * clamp(0.10 / blur, 0.0, 1.0);
        albedo *= 0.86 + 0.22 * hash(floor(slab)) * clamp(0.3 / max(blur.x, blur.y), 0.0, 1.0);
        albedo *= 1.0 - 0.42 * max(joint.x, joint.y);
    }
    albedo *= 0.80 + 0.28 * patches.z + 0.26 * (grain.x - 0.5);
#endif
#ifdef GRASS
    // never as green as paint: dry blades and earth show between the fresh ones
    albedo *= mix(vec3(0.80, 0.73, 0.68), vec3(1.32, 1.07, 1.05), patches.z) * (0.50 + 0.60 * grain.y + 0.40 * grain.x);
#endif
#ifdef FOLIAGE
    vec3 across = abs(n);
    vec2 spot = across.z > max(across.x, across.y) ? place.xy : across.x > across.y ? place.yz : place.xz;
    vec4 leaves = texture(noise, spot * 0.23);
    float leaf = 0.25 * leaves.w + 0.20 * leaves.z + 0.55 * leaves.y;
    albedo *= 0.22 + 1.50 * smoothstep(0.40, 0.60, leaf);
    n = normalize(n + 1.7 * (leaves.wyx - 0.5));
    translucent = 0.3;
#endif
#ifdef FACADE
    float wall = 1.0 - smoothstep(0.3, 0.6, abs(n.z));
    vec2 along = normalize(vec2(-n.y, n.x) + 1e-5);
    vec2 at = vec2(dot(place.xy, along) * 0.4, (place.z - 0.12) * 0.3125);  // windows every 2.5 m, floors of 3.2 m
    vec2 cell = floor(at), in_cell = at - cell;
    vec2 blur = fwidth(at) + 0.003;
    // every building has windows of its own; its colour tells which
    float kind = fract(dot(colour, vec3(37.1, 91.7, 53.3)));
    vec2 half_size = vec2(0.20 + 0.14 * kind, 0.25 + 0.09 * fract(kind * 7.0));
    const vec2 middle = vec2(0.5, 0.54);
    vec2 inside = clamp((half_size - abs(in_cell - middle)) / blur + 0.5, 0.0, 1.0);
    vec2 framed = clamp((half_size - 0.022 - abs(in_cell - middle)) / blur + 0.5, 0.0, 1.0);
    framed.x *= 1.0 - clamp((0.012 - abs(in_cell.x - 0.5)) / blur.x + 0.5, 0.0, 1.0);
    float opening = inside.x * inside.y * wall, pane = framed.x * framed.y * wall;
    float sill = clamp((0.03 - abs(in_cell.y - middle.y + half_size.y + 0.03)) / blur.y + 0.5, 0.0, 1.0)
        * clamp((half_size.x + 0.04 - abs(in_cell.x - 0.5)) / blur.x + 0.5, 0.0, 1.0) * wall;
    float chance = hash(cell + floor(along * 7.0));
    vec4 plaster = texture(noise, vec2(dot(place.xy, along) * 0.17, place.z * 0.06));
    albedo *= 0.72 + 0.34 * plaster.w + 0.20 * (plaster.y - 0.5) + 0.16 * plaster.z;
    // bricks where it is red, as long as there are pixels enough for them
    vec2 brick = vec2(at.x * 10.0, at.y * 42.0);
    brick.x += 0.5 * mod(floor(brick.y), 2.0);
    vec2 joint = abs(fract(brick) - 0.5), thin = blur * vec2(10.0, 42.0);
    float mortar = max(smoothstep(0.46 - thin.x, 0.5, joint.x), smoothstep(0.40 - thin.y, 0.5, joint.y));
    float red = wall * smoothstep(1.6, 2.2, colour.r / (colour.b + 0.02)) * clamp(1.3 - 1.6 * max(thin.x, thin.y), 0.0, 1.0);
    albedo = mix(albedo, mix(albedo * (0.72 + 0.5 * hash(floor(brick))), vec3(0.42, 0.39, 0.35), 0.75 * mortar), red);
    float course = clamp((0.02 - abs(in_cell.y - 0.98)) / blur.y + 0.5, 0.0, 1.0) * wall;
    albedo *= (1.0 + 0.28 * sill) * (1.0 - 0.16 * course) * mix(1.0, 0.80 + 0.2 * smoothstep(0.0, 2.0, place.z), wall);
    // the wall is as thick as the shade at a window's head and side; curtains to the left and right, or a blind from above
    vec2 deep = middle + half_size - in_cell;
    float curtain = step(0.35, chance) * smoothstep(0.30, 0.34, abs(in_cell.x - 0.5) / half_size.x * fract(chance * 5.0));
    float blind = step(0.62, chance) * step(deep.y, 1.6 * half_size.y * fract(chance * 13.0));
    vec3 room = mix(vec3(0.018), vec3(0.42, 0.40, 0.36) * (0.5 + 0.5 * fract(chance * 31.0)), max(0.7 * curtain, blind));
    room *= 0.35 + 0.65 * smoothstep(0.02, 0.12, min(deep.y, deep.x + 0.03));
    vec3 frame = mix(vec3(0.58), vec3(0.10, 0.08, 0.07), step(0.6, fract(kind * 11.0)));
    albedo = mix(mix(albedo, frame, opening), room, pane);
    vec3 bounced = reflect(away, n);
    shine += surroundings(bounced) * pane * (0.10 + 0.9 * schlick(max(-dot(away, n), 0.0)));
    float lit = step(0.66, hash(cell.yx + 17.0)) * pane * night;
    shine += lit * mix(vec3(1.0, 0.72, 0.38), vec3(0.85, 0.92, 1.0), step(0.8, chance)) * (0.35 + 0.5 * chance);
#endif
#ifdef PAINT
    albedo = paint;
    // coat of lacquer: a mirror at grazing angles
    float fresnel = 0.05 + 0.85 * schlick(max(-dot(away, n), 0.0));
    vec3 bounced = reflect(away, n);
    shine += surroundings(bounced) * fresnel;
    albedo *= 1.0 - fresnel;
    float h = max(dot(bounced, key.xyz), 0.0);
    h *= h; h *= h; h *= h; h *= h;
    highlight = h * h * h * 1.6;
#endif
#ifdef GLASS
    // a dim inside, as much of it as the mirror on it lets through
    float fresnel = 0.08 + 0.88 * schlick(max(-dot(away, n), 0.0));
    albedo = colour * (0.5 * (1.0 - fresnel) * (0.35 + 0.65 * max(n.z, 0.0)));
    vec3 bounced = reflect(away, n);
    shine += surroundings(bounced) * fresnel;
#ifdef NIGHT
    // shops of the town are lit behind their windows, most of them
    if ((label & 0xFFFFu) == 0u) {
        float shop = hash(floor(place.xy * 0.21) + 5.0);
        shine += night * step(0.35, shop) * vec3(0.85, 0.66, 0.42) * (0.25 + 0.45 * shop);
    }
#endif
    float h = max(dot(bounced, key.xyz), 0.0);
    h *= h; h *= h; h *= h; h *= h; h *= h;
    highlight = h * h * 3.0;
#endif
#ifdef METAL
    vec3 bounced = reflect(away, n);
    shine += surroundings(bounced) * colour * 0.45;
    albedo *= 0.6;
    float h = max(dot(bounced, key.xyz), 0.0);
    h *= h; h *= h; h *= h;
    highlight = h * 0.5;
#endif
#ifdef LAMP
    vec3 bounced = reflect(away, n);
    shine += surroundings(bounced) * (0.08 + 0.6 * schlick(max(-dot(away, n), 0.0))) + emission;
    albedo *= 0.7;
#endif
#ifdef GLOW
    float lit = 1.0;
#ifdef NIGHT
    // what glows and belongs to the town is its lamps
    if ((label & 0xFFFFu) == 0u) lit -= min(texture(lamp_light, place.xy * lamps.x + lamps.yz).a, 1.0);
#endif
    shine += colour * mix(0.9, 2.2, night) * lit;
    albedo *= 0.3;
#endif

#if defined(WET) && (defined(ASPHALT) || defined(MARKING) || defined(PAVING))
    // water darkens what is porous and lies over it as a mirror, rough where it is only damp
    float wet = wetness * smoothstep(0.2, 0.6, n.z);
    float pool = smoothstep(0.90 - 0.60 * surface.z, 1.04 - 0.60 * surface.z, patches.z + 0.10 * grain.z);
    pool *= wet * min(surface.z * 8.0, 1.0);
    albedo *= 1.0 - 0.60 * max(wet * (2.0 - wet), pool);
    vec3 rippled = normalize(n + vec3((grain.xy - 0.5) * mix(0.14, 0.02, pool), 0.0));
    vec3 bounced = reflect(away, rippled);
    bounced.z = abs(bounced.z) + 0.03 * (1.0 - pool);
    shine += mirrored(relative, bounced) * (mix(0.42 * wet, 1.0, pool) * (0.03 + 0.9 * schlick(max(-dot(away, n), 0.0))));
    float h = max(dot(normalize(bounced), key.xyz), 0.0);
    h *= h; h *= h; h *= h; h *= h;
    highlight = h * 0.4 * wet;
#endif

#ifdef WHITE
    // snow lies on what looks up and under the sky: first where nobody drives, in patches on roads
    float up = normalize(normal).z;
#if defined(FOLIAGE)
    float bed = 0.75 * smoothstep(-0.1, 0.7, up);
#else
    float bed = smoothstep(0.35, 0.75, up);
#endif
#if defined(ASPHALT) || defined(MARKING)
    float worn = 0.32 + 0.5 * patches.z + 0.3 * patches.x + 0.25 * (grain.x - 0.5);
#elif defined(PAVING) || defined(GRASS)
    float worn = 0.10 + 0.35 * patches.z + 0.3 * (grain.y - 0.5);
#else
    float worn = 0.15;
#endif
    bed *= smoothstep(worn, worn + 0.22, sky_light.w * 1.25) * smoothstep(0.15, 0.5, open_sky);
    // what moves sheds it
    if ((label & 0xFFFFu) != 0u) bed = 0.0;
    albedo = mix(albedo, vec3(0.80, 0.84, 0.90), bed);
    shine *= 1.0 - bed;
    highlight *= 1.0 - bed;
#endif

    float facing = dot(n, key.xyz);
    // what does not see the sky sees what the sky lights
#if defined(FACADE) || defined(FOLIAGE)
    float open = 0.4 + 0.6 * open_sky;  // large triangles, whose corners are darker than their middles; and leaves let light through
#else
    float open = 0.12 + 0.88 * open_sky;
#endif
    vec3 light = mix(ground_light.rgb, mix(ground_light.rgb, sky_light.rgb, 0.5 + 0.5 * n.z), open) * (0.75 + 0.25 * open);
    shine *= 0.2 + 0.8 * open;
#ifdef NIGHT
    vec2 in_map = place.xy * lamps.x + lamps.yz;
    vec3 thrown = texture(lamp_light, in_map).rgb;
    vec3 lamps_from = texture(lamp_from, in_map).rgb;
    float lamps_weight = max(thrown.r + thrown.g + thrown.b, 1e-4);
    float height = relative.z - lamps_from.z / lamps_weight;  // over the ground that they stand on
    float reach = 1.0 / (1.0 + 0.10 * max(height - 0.3, 0.0) * max(height - 0.3, 0.0));
    light += key_colour.rgb * max(facing, 0.0);
    // lamps light what faces them; a street's other light is thrown back by everything
    float towards = dot(n.xy, lamps_from.xy) / lamps_weight;  // 1 where a beam comes straight at it, -1 on its other side
    // a dipped beam has an edge, above which little of it goes; street lamps light from above, which is less straight
    float dipped = 1.0 - 0.62 * smoothstep(0.5, 1.3, height) * smoothstep(0.70, 0.95, length(lamps_from.xy) / lamps_weight);
    float turned = min(towards, 0.0);
    turned *= turned;
    light += thrown * (reach * (0.22 * (1.0 - turned * turned) + 0.78 * max(n.z, 0.0) + 2.4 * dipped * max(towards, 0.0)));
    light += vec3(0.050, 0.044, 0.038) * (night * open);
#else
    float sunshine = sunlit(in_shadow_map);
    light += key_colour.rgb * (sunshine * mix(max(facing, 0.0), abs(facing), translucent));
    shine += key_colour.rgb * (sunshine * highlight);
#endif
#ifdef MURKY
    vec4 air = vec4(air_light(away), hazed(relative));
#endif
    vec3 seen_air = air.rgb;
#ifdef NIGHT
    seen_air += thrown * (0.06 * reach * sqrt(1.0 - air.a));  // and what lamps light of it, if not too far away
#endif
    vec3 seen = mix(albedo * light + shine, seen_air, air.a);
    out_colour = vec4(developed(seen), distance_code(1.0 / gl_FragCoord.w));
    out_label = label;
#ifdef FLOW
    out_flow = flow(relative, moved);
#endif
#ifdef NORMALS
    out_normal = vec4(normalize(normal), 0.0);
#endif
}
