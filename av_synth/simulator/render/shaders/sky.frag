// The sky: its light, the sun in it, clouds, and what fog leaves of them.
in vec3 ray;
layout(location = 0) out vec4 out_colour;
layout(location = 1) out uint out_label;
#ifdef NORMALS
layout(location = 3) out vec4 out_normal;
#endif
uniform vec3 terms[10];  // weights of the functions of atmosphere.py
uniform vec3 disc;       // the sun
uniform vec3 drift;      // of clouds, in their texture; z: optical depth of rain and dust straight up
void main() {
#ifndef LABEL_ONLY
    vec3 d = normalize(ray);
    float above = max(d.z, 0.0), towards = dot(d, sun.xyz);
    float t2 = 1.0 - above, q = 0.5 + 0.5 * towards;
    t2 *= t2;
    float t4 = t2 * t2, t8 = t4 * t4, t16 = t8 * t8;
    float q2 = q * q, q4 = q2 * q2, q8 = q4 * q4, q16 = q8 * q8, q64 = q16 * q16;
    q64 *= q64;
    vec3 c = terms[0] + terms[1] * t2 + terms[2] * t8 + terms[3] * (t16 * t16) + terms[4] * q
        + terms[5] * (q * t2) + terms[6] * (q2 * t8) + terms[7] * q8 + terms[8] * (q8 * t8) + terms[9] * q64;
    c = max(c, vec3(0.0));
    vec2 at = d.xy / (above + 0.14) * 0.11 + drift.xy;
    float thick = texture(noise, at).w, sunward = texture(noise, at + sun.xy * 0.012).w;
    float cover = sun.w;
    float cloud = smoothstep(0.74 - 0.62 * cover, 0.90 - 0.50 * cover, thick) * smoothstep(0.0, 0.10, above);
    float bright = clamp(0.62 + 2.6 * (thick - sunward) - (0.5 + 0.8 * cover) * (thick - 0.6), 0.0, 1.0);
    cloud *= (0.35 + 0.6 * min(cover * 1.6, 1.0)) * min(cover * 12.0, 1.0);
    // thin edges between the eye and the sun shine
    vec3 edge = disc * (0.05 * q16 * (1.0 - cloud));
    c = mix(c, mix(cloud_shade.rgb, cloud_light.rgb, bright) + edge, cloud);
    float q256 = q64 * q64;
    q256 *= q256;
    c += disc * ((smoothstep(0.99996, 0.999985, towards) + 0.02 * q256 * q256) * (1.0 - cloud));
    float level = 1.0 / max(above, 0.01);
    float fog = min(exp2(-1.4427 * haze_shape.y * eye.z) / max(haze_shape.y, 0.002) * level, HEAVEN);
    float murk = 1.0 - exp2(-1.4427 * (haze_shape.z * max(fog - haze_shape.x, 0.0) + drift.z * level));
    out_colour = vec4(developed(mix(c, air_light(d), murk)), 0.0);
#endif
    out_label = SKY_LABEL;
#ifdef FLOW
    out_flow = flow(ray, vec3(0.0));  // too far away for the camera's own movement
#endif
#ifdef NORMALS
    out_normal = vec4(0.0);
#endif
}
