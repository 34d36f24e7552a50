// Optical flow, where somebody asked for it.
layout(location = 2) out vec2 out_flow;

// How far a point has gone in the image since the frame before, in halves of its size. `moved` is where it was then,
// seen from the camera of then, less `now`, where it is. Both ends are computed alike: what stands still has exactly 0.
vec2 flow(vec3 now, vec3 moved) {
    vec4 here = clip_from_relative * vec4(now, 1.0), there = last_clip_from_relative * vec4(now + moved, 1.0);
    // what was behind the near plane was nowhere in the image, which 4 times the image's size says
    return there.w < 0.049 ? vec2(8.0) : here.xy / here.w - there.xy / there.w;
}
