/* The fused kernel: pixels of a scene, and the pull-back of an image's gradient onto the lattice vectors.
 *
 * It computes what render.py computes; see there for the physics. Two precisions are made from one body. Loops run over
 * blocks of BLOCK pixels so that the compiler turns each into vector code; no branch depends on a pixel, no library
 * function is called inside the loop over orientations.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

/* Pixels of a block: its arrays stay in the first cache, and fill vectors of every width. */
#define BLOCK 128
/* Coefficients of the interference function of up to 14 cells; as in library.py. */
#define MOST_COEFFICIENTS 8
#define INLINE static inline __attribute__((always_inline))

enum { SQUARE, ROUND, GAUSS, TOPHAT };     /* shapes, as in pack.py */
enum { FIRST, LAST, EACH };                /* whose factor multiplies the sum, as in pack.py */
enum { FORWARD, FACTORS, BACKWARD };       /* passes over a block, see walk */

/* A scene: sizes and choices (Plan), then numbers (Tensors). Mirrored by CScene in library.py. */
typedef struct {
    int64_t spixels, fpixels, first_column, columns, first_row;
    int64_t oversample, layers, thick, shape, polarized, kahn_zero, point_pixel;
    int64_t omega_from, polarization_from, capture_from;
    int64_t orientations, sources, polynomial, degree, odd;
    int64_t has_table, table_shape[3], table_lowest[3];
    double origin[3], fast[3], slow[3], normal[3];
    double pixel, close, layer_step, absorption, kahn, fudge, dmin, amplitude, default_square;
    double cells[3], metric[9];
    double coefficients[3][MOST_COEFFICIENTS], even[3];
} Scene;

/* A source: direction, electric and magnetic axis, 1/wavelength, weight. Mirrored by CSource in library.py. */
typedef struct {
    double direction[3], electric[3], magnetic[3], inverse_wavelength, weight;
} Source;

/* One image of a batch: its scene, and its lattice vectors and table of F^2 (0: none) in the precision of the call. The
 * images of a batch have the same number of orientations. Mirrored by CEntry in library.py. */
typedef struct {
    const Scene *scene;
    const Source *sources;
    const void *real, *table;
} Entry;

/* Coefficients of sin(pi x)/x and cos(pi x) as polynomials in x^2 over |x| <= 1/2, lowest first: minimax fits, not Taylor
 * series, so that few terms reach the round-off of each precision. */

#define REAL double
#define NAME(x) x##_f64
#define WHOLE int64_t
#define SQRT sqrt
#define RINT __builtin_rint
#define CEIL __builtin_ceil
#define EXP exp
#define SIN_COEFFICIENTS 8
#define COS_COEFFICIENTS 8
static const double sin_f64[] = {3.1415926535897927,   -5.1677127800497855,   2.5501640398618677,    -0.599264528825224,
                                 0.08214587881631043,  -0.0073703643265304155, 0.0004659870158043378, -2.113362735205297e-05};
static const double cos_f64[] = {0.99999999999999806,  -4.9348022005436859,   4.0587121263332948,    -1.3352627661817635,
                                 0.23533058831317873, -0.025806531975921562, 0.0019278700526981333, -0.0001004164642205389};
#include "body.inc"
#undef REAL
#undef NAME
#undef WHOLE
#undef SQRT
#undef RINT
#undef CEIL
#undef EXP
#undef SIN_COEFFICIENTS
#undef COS_COEFFICIENTS

#define REAL float
#define NAME(x) x##_f32
#define WHOLE int32_t
#define SQRT sqrtf
#define RINT __builtin_rintf
#define CEIL __builtin_ceilf
#define EXP expf
#define SIN_COEFFICIENTS 5
#define COS_COEFFICIENTS 6
static const float sin_f32[] = {3.1415926400772034f, -5.167710076668315f, 2.550077386528912f, -0.5982904112834275f,
                                0.07765591227601387f};
static const float cos_f32[] = {0.999999999779154f,   -4.934802136928946f, 4.058709154763134f,
                                -1.3352119493905503f, 0.2349370685950865f, -0.024395932097550446f};
#include "body.inc"
