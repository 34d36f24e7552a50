// What every program knows of the frame; written by frame_block.py in the same order.
layout(std140) uniform Frame {
    mat4 clip_from_relative;  // "relative": axes of the world, origin in the camera
    mat4 shadow_from_relative;
    mat4 last_clip_from_relative;  // of the frame before, with the camera of the frame before as origin
    vec4 shadow_atlas_of[2];  // scale and offset from the fine map, -1..1, to it and to the coarse one in the atlas
    vec4 eye;                 // camera in the world, m; w: seconds
    vec4 key;                 // to the light that casts shadows; w: how far in front of itself what casts them looks for them, m
    vec4 key_colour;
    vec4 sun;                 // to the sun; w: cloudiness
    vec4 sky_light;           // w: how much of the ground snow lies on
    vec4 ground_light;
    vec4 zenith;
    vec4 horizon;
    vec4 halo;
    vec4 cloud_light;
    vec4 cloud_shade;
    vec4 haze;                // w: extinction per metre, of all but fog
    vec4 haze_shape;          // of fog: start m, falloff per m, extinction per metre at the ground
    vec4 surface;             // night, wetness, puddles, rain
    vec4 lamps;               // light map: scale, offset x, offset y; w: how much lamps shine
    vec4 haze_glow;           // what haze adds towards the sun
};
