// Light and air: shared by all surfaces and the sky.
uniform sampler2DShadow shadow_atlas;
uniform sampler2D noise;      // tiling: fine grain, fine grain, soft patches, clouds
uniform sampler2D lamp_light; // what lamps throw on the ground, seen from above
uniform sampler2D lamp_from;  // the way to them from there, as long as they are bright, and so much times the height of their ground above the eye

const float HEAVEN = 1500.0;  // metres that the sky counts as in haze

vec3 clear_sky(vec3 d) {
    float t = 1.0 - max(d.z, 0.0);
    t *= t;
    vec3 c = mix(zenith.rgb, horizon.rgb, t * t);
    float g = max(dot(d, sun.xyz), 0.0);
    g *= g;
    g *= g;
    return c + halo.rgb * (g * g);
}

// What a mirror sees: sky, and below it a street's worth of buildings and road.
vec3 surroundings(vec3 d) {
    vec3 low = mix(ground_light.rgb * 0.75, ground_light.rgb * 1.1, smoothstep(-0.05, 0.02, d.z));
    float skyline = 0.16 + 0.07 * sin(d.x * 9.0 + d.y * 7.0) + 0.04 * sin(d.x * 23.0 - d.y * 19.0);
    return mix(low, clear_sky(d), smoothstep(skyline - 0.05, skyline + 0.05, d.z));
}

// How much of the key light reaches a point q of the fine shadow map.
float sunlit(vec3 q) {
    vec2 off_centre = abs(q.xy);
    bool near = max(off_centre.x, off_centre.y) < 0.98;
    vec4 map = near ? shadow_atlas_of[0] : shadow_atlas_of[1];
    vec2 at = q.xy * map.xy + map.zw;
    // what lies beyond the far map, which is as large as what casts shadows, is in the sun
    return texture(shadow_atlas, vec3(at.x, near ? at.y : max(at.y, 0.501), q.z));
}

float hazed(vec3 p) {
    float metres = length(p);
    float height = max(eye.z + 0.5 * p.z, 0.0);
    float fog = haze_shape.z * max(metres - haze_shape.x, 0.0) * exp2(-1.4427 * haze_shape.y * height);
    return 1.0 - exp2(-1.4427 * (haze.w * metres + fog));
}

// Light that the air sends from direction d.
vec3 air_light(vec3 d) {
    float q = 0.5 + 0.5 * dot(d, sun.xyz);
    q *= q; q *= q; q *= q;
    return haze.rgb + haze_glow.rgb * q;
}

float schlick(float cosine) {
    float m = 1.0 - cosine;
    float m2 = m * m;
    return m2 * m2 * m;
}

// Tone curve with a toe and a shoulder, and square root for gamma; the images are BGRA, as CARLA's.
vec3 developed(vec3 light) {
    vec3 x = light.bgr;
    return sqrt(x * (1.59 * x + 0.085) / (x * (1.553 * x + 0.4675) + 0.16));
}

vec3 undeveloped(vec3 bgr) {
    vec3 t = bgr.bgr * bgr.bgr, a = 1.59 - 1.553 * t, b = 0.085 - 0.4675 * t;
    return (sqrt(b * b + 0.64 * a * t) - b) / (2.0 * a);
}

// Alpha holds the distance until the image is finished: 0 is the sky.
float distance_code(float metres) {
    return 1.0 / (1.0 + 0.06 * metres);
}

#ifdef WET
// what has been drawn so far, everything but the ground and the sky: with distances, and smoothed
uniform sampler2D mirror;
uniform sampler2D mirror_smooth;

// What flat water at p shows in direction d: found in the image by steps along the ray that are as long in it.
vec3 mirrored(vec3 p, vec3 d) {
    float deep = 0.0;  // what was found
    float from = dot(p, p) > 0.0 ? length(p) : 1.0;
    bool open = true;
    // a point of the ray in the image is its start and so much of its direction: no matrix for each step
    vec3 start = (clip_from_relative * vec4(p, 1.0)).xyw, along = (clip_from_relative * vec4(d, 0.0)).xyw;
    for (int k = 0; k < 8; ++k) {
        float part = k == 7 ? 0.984 : 0.125 * float(k) + 0.1;  // of the way to where it vanishes
        float reach = from * part / (1.0 - part);
        vec3 at = start + along * reach;
        vec2 uv = at.xy / at.z * 0.5 + 0.5;
        vec4 there = texture(mirror, uv);
        float metres = (1.0 / max(there.a, 0.004) - 1.0) * 16.667;
        bool inside = at.z > 0.1 && uv == clamp(uv, 0.0, 1.0);
        bool hit = open && inside && there.a > 0.01 && at.z > metres && metres > from * 1.01;
        deep = hit ? metres : deep;
        open = open && !hit;
    }
    // the step went past it: back to where the ray is as deep
    vec3 at = start + along * ((deep - start.z) / max(along.z, 0.05));
    vec4 smooth_there = texture(mirror_smooth, at.xy / at.z * 0.5 + 0.5);
    // there may be nothing: beside what was found, or below what stands on the road, where it is dark
    bool beside = smooth_there.a < 0.2 && deep > 1.6 * from;
    return open || beside ? surroundings(d) : undeveloped(min(smooth_there.rgb / max(smooth_there.a, 0.25), 1.0));
}
#endif
