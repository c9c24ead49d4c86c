/* One library for all processors of an architecture: kernel.c compiled several times (compile.py), and each call passed to
 * the variant for the highest level that this processor has. This file itself is compiled for the plain architecture. */
#include <stddef.h>
#include <stdint.h>

typedef struct Entry Entry; /* as in kernel.c; only passed on */

typedef void Image64(const Entry *, int64_t, double *, int64_t, int64_t, int);
typedef void Image32(const Entry *, int64_t, float *, int64_t, int64_t, int);
typedef void Pullback64(const Entry *, int64_t, const double *, double *, int64_t, int64_t, int);
typedef void Pullback32(const Entry *, int64_t, const float *, double *, int64_t, int64_t, int);

typedef struct {
    const char *name;
    int (*runs)(void); /* whether this processor has the level */
    Image64 *image_f64;
    Image32 *image_f32;
    Pullback64 *pullback_f64;
    Pullback32 *pullback_f32;
} Variant;

#define FUNCTIONS(level) image_f64_##level, image_f32_##level, pullback_f64_##level, pullback_f32_##level
#define DECLARE(level)               \
    extern Image64 image_f64_##level; \
    extern Image32 image_f32_##level; \
    extern Pullback64 pullback_f64_##level; \
    extern Pullback32 pullback_f32_##level;

/* The features that tell levels of x86-64 apart, by names that old compilers know too. */
#ifdef WITH_V4
DECLARE(v4)
static int runs_v4(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}
#endif
#ifdef WITH_V3
DECLARE(v3)
static int runs_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}
#endif
#ifdef WITH_V2
DECLARE(v2)
static int runs_v2(void)
{
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
}
#endif
#ifdef WITH_BASE
DECLARE(base)
static int runs_base(void)
{
    return 1;
}
#endif

/* The highest level first. */
static const Variant variants[] = {
#ifdef WITH_V4
    {"x86-64-v4", runs_v4, FUNCTIONS(v4)},
#endif
#ifdef WITH_V3
    {"x86-64-v3", runs_v3, FUNCTIONS(v3)},
#endif
#ifdef WITH_V2
    {"x86-64-v2", runs_v2, FUNCTIONS(v2)},
#endif
#ifdef WITH_BASE
    {"base", runs_base, FUNCTIONS(base)},
#endif
};

static const Variant *chosen(void)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (variants[i].runs()) return variants + i;
    return NULL;
}

/* The level that calls go to; NULL: this processor has none of them, and no call may be made. */
const char *level(void)
{
    const Variant *variant = chosen();
    return variant ? variant->name : NULL;
}

void image_f64(const Entry *entries, int64_t count, double *out, int64_t first, int64_t end, int threads)
{
    chosen()->image_f64(entries, count, out, first, end, threads);
}

void image_f32(const Entry *entries, int64_t count, float *out, int64_t first, int64_t end, int threads)
{
    chosen()->image_f32(entries, count, out, first, end, threads);
}

void pullback_f64(const Entry *entries, int64_t count, const double *upstream, double *grad, int64_t first, int64_t end,
                  int threads)
{
    chosen()->pullback_f64(entries, count, upstream, grad, first, end, threads);
}

void pullback_f32(const Entry *entries, int64_t count, const float *upstream, double *grad, int64_t first, int64_t end,
                  int threads)
{
    chosen()->pullback_f32(entries, count, upstream, grad, first, end, threads);
}
