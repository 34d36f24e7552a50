in vec3 ray;
layout(location = 0) out vec4 out_colour;
layout(location = 1) out uint out_label;
#ifdef NORMALS
layout(location = 3) out vec4 out_normal;
#endif
void main() {
#ifndef LABEL_ONLY
    vec3 d = normalize(ray);
    vec3 c = clear_sky(d);
    float above = max(d.z, 0.0);
    vec2 at = d.xy / (above + 0.14) * 0.11 + vec2(0.0013, 0.0009) * eye.w;
    float thick = texture(noise, at).w, sunward = texture(noise, at + sun.xy * 0.012).w;
    float cover = sun.w;
    float cloud = smoothstep(0.74 - 0.62 * cover, 0.90 - 0.50 * cover, thick) * smoothstep(0.0, 0.10, above);
    float bright = clamp(0.62 + 2.6 * (thick - sunward) - 0.5 * (thick - 0.6), 0.0, 1.0);
    c = mix(c, mix(cloud_shade.rgb, cloud_light.rgb, bright), cloud * (0.35 + 0.6 * min(cover * 1.6, 1.0)));
    float disc = smoothstep(0.99985, 0.99996, dot(d, sun.xyz)) * (1.0 - cloud);
    c += halo.rgb * disc * 14.0;
    float high = exp2(-1.4427 * haze_shape.y * eye.z) / max(haze_shape.y, 0.002);
    float depth = min(high / max(d.z, 0.01), HEAVEN * 2.0);
    float murk = 1.0 - exp2(-1.4427 * haze.w * min(depth, HEAVEN));
    out_colour = vec4(developed(mix(c, haze.rgb, murk)), 0.0);
#endif
    out_label = SKY_LABEL;
#ifdef FLOW
    out_flow = flow(ray, vec3(0.0));  // too far away for the camera's own movement
#endif
#ifdef NORMALS
    out_normal = vec4(0.0);
#endif
}
