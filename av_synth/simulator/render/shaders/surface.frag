// One program per material: its name, NIGHT at night and WET in the wet are defined in front of this text.
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
    vec4 patches = texture(noise, place.yx * 0.021);
#endif

#ifdef TEXTURED
    vec3 shown = texture(picture, uv).rgb;
    albedo *= shown * shown;
#endif
#ifdef ASPHALT
    albedo *= 0.70 + 0.46 * patches.z + 0.55 * (grain.x - 0.5) + 0.22 * (grain.z - 0.5);
    // a seam or mended crack here and there
    albedo *= 1.0 - 0.35 * smoothstep(0.028, 0.008, abs(patches.w - 0.5)) * smoothstep(0.40, 0.62, patches.z);
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
    albedo *= mix(vec3(0.72, 0.78, 0.62), vec3(1.25, 1.18, 1.0), patches.z) * (0.62 + 0.76 * grain.y);
#endif
#ifdef FOLIAGE
    vec3 across = abs(n);
    vec2 spot = across.z > max(across.x, across.y) ? place.xy : across.x > across.y ? place.yz : place.xz;
    vec4 leaves = texture(noise, spot * 0.17);
    float leaf = 0.55 * leaves.w + 0.25 * leaves.z + 0.2 * leaves.y;
    albedo *= 0.30 + 1.35 * smoothstep(0.25, 0.75, leaf);
    n = normalize(n + 1.2 * (leaves.wyz - 0.5));
    translucent = 0.3;
#endif
#ifdef FACADE
    float wall = 1.0 - smoothstep(0.3, 0.6, abs(n.z));
    vec2 along = normalize(vec2(-n.y, n.x) + 1e-5);
    vec2 at = vec2(dot(place.xy, along) * 0.4, (place.z - 0.12) * 0.3125);  // windows every 2.5 m, floors of 3.2 m
    vec2 cell = floor(at), in_cell = at - cell;
    vec2 blur = fwidth(at) + 0.003;
    const vec2 half_size = vec2(0.27), middle = vec2(0.5, 0.54);
    vec2 inside = clamp((half_size - abs(in_cell - middle)) / blur + 0.5, 0.0, 1.0);
    vec2 framed = clamp((half_size - 0.022 - abs(in_cell - middle)) / blur + 0.5, 0.0, 1.0);
    framed.x *= 1.0 - clamp((0.012 - abs(in_cell.x - 0.5)) / blur.x + 0.5, 0.0, 1.0);
    float opening = inside.x * inside.y * wall, pane = framed.x * framed.y * wall;
    float sill = clamp((0.03 - abs(in_cell.y - middle.y + half_size.y + 0.03)) / blur.y + 0.5, 0.0, 1.0)
        * clamp((half_size.x + 0.04 - abs(in_cell.x - 0.5)) / blur.x + 0.5, 0.0, 1.0) * wall;
    float chance = hash(cell + floor(along * 7.0));
    vec4 plaster = texture(noise, vec2(dot(place.xy, along) * 0.11, place.z * 0.07));
    albedo *= 0.86 + 0.20 * plaster.w + 0.12 * (plaster.y - 0.5);
    float course = clamp((0.02 - abs(in_cell.y - 0.98)) / blur.y + 0.5, 0.0, 1.0) * wall;
    albedo *= (1.0 + 0.28 * sill) * (1.0 - 0.16 * course) * mix(1.0, 0.80 + 0.2 * smoothstep(0.0, 2.0, place.z), wall);
    // the head of the window lies in the shadow of the wall
    vec3 room = mix(vec3(0.045), vec3(0.32, 0.30, 0.27) * chance, step(0.55, chance));
    room *= 0.45 + 0.55 * smoothstep(0.02, 0.16, middle.y + half_size.y - in_cell.y);
    albedo = mix(mix(albedo, vec3(0.55), opening), room, pane);
    vec3 bounced = reflect(away, n);
    shine += surroundings(bounced) * pane * (0.10 + 0.9 * schlick(max(-dot(away, n), 0.0)));
    float lit = step(0.66, hash(cell.yx + 17.0)) * pane * night;
    shine += lit * mix(vec3(1.0, 0.72, 0.38), vec3(0.85, 0.92, 1.0), step(0.8, chance)) * (0.35 + 0.5 * chance);
#endif
#ifdef PAINT
    albedo = paint;
    float fresnel = 0.05 + 0.75 * schlick(max(-dot(away, n), 0.0));
    vec3 bounced = reflect(away, n);
    shine += surroundings(bounced) * fresnel;
    albedo *= 1.0 - fresnel;
    float h = max(dot(bounced, key.xyz), 0.0);
    h *= h; h *= h; h *= h; h *= h;
    highlight = h * h * h * 1.6;
#endif
#ifdef GLASS
    albedo = colour * 0.35;
    vec3 bounced = reflect(away, n);
    shine += surroundings(bounced) * (0.10 + 0.85 * schlick(max(-dot(away, n), 0.0)));
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

    float facing = dot(n, key.xyz);
    // what does not see the sky sees what the sky lights
    float open = 0.12 + 0.88 * open_sky;
    vec3 light = mix(ground_light.rgb, mix(ground_light.rgb, sky_light.rgb, 0.5 + 0.5 * n.z), open) * (0.5 + 0.5 * open);
    shine *= 0.2 + 0.8 * open;
#ifdef NIGHT
    vec3 thrown = texture(lamp_light, place.xy * lamps.x + lamps.yz).rgb;
    float reach = 1.0 / (1.0 + 0.10 * max(place.z - 0.3, 0.0) * max(place.z - 0.3, 0.0));
    light += key_colour.rgb * max(facing, 0.0);
    light += thrown * (0.45 + 0.55 * max(n.z, 0.0)) * reach;
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
    seen_air += thrown * 0.05;  // and what lamps light of it
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
