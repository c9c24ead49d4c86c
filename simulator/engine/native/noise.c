/* Photon noise: the generator of chance.py and the deviates of noise.py, draw for draw; see there for the formulas and
 * the constants. Floats are rounded where the reference rounds. */
#include <math.h>
#include <stdint.h>

#define TABLE 32
#define MULTIPLIER 16807LL
#define MODULUS 2147483647LL
#define DIVIDER 67108864LL

typedef struct {
    int64_t state, output, table[TABLE];
    float spare;
    int has_spare;
} Generator;

/* The next number in 0 ... 1; at most the last float below 1. */
static float uniform(Generator *g)
{
    g->state = g->state * MULTIPLIER % MODULUS;
    int64_t slot = g->output / DIVIDER;
    g->output = g->table[slot];
    g->table[slot] = g->state;
    float value = (float)((double)g->output / 2147483647.0);
    return value > 1 - 1.2e-7f ? 1 - 1.2e-7f : value;
}

/* Eight states are dropped, 32 fill the shuffle table from its end. */
static void seed(Generator *g, int64_t from)
{
    g->state = from < 0 ? -from : from;
    if (g->state < 1) g->state = 1;
    for (int draw = 39; draw >= 0; draw--) {
        g->state = g->state * MULTIPLIER % MODULUS;
        if (draw < TABLE) g->table[draw] = g->state;
    }
    g->output = g->table[0];
    g->has_spare = 0;
}

/* A normal deviate by the polar method; the second of each pair is kept for the next call. */
static float gaussian(Generator *g)
{
    if (g->has_spare) {
        g->has_spare = 0;
        return g->spare;
    }
    float one, two, square;
    do {
        one = (float)(2.0 * uniform(g) - 1.0);
        two = (float)(2.0 * uniform(g) - 1.0);
        square = one * one + two * two;
    } while (square >= 1.0f || square == 0.0f);
    float factor = (float)sqrt(-2.0 * log(square) / square);
    g->spare = one * factor;
    g->has_spare = 1;
    return two * factor;
}

/* ln Gamma by Lanczos' six terms. */
static float log_gamma(float at)
{
    static const double terms[] = {76.18009172947146,  -86.50532032941677,    24.01409824083091,
                                   -1.231739572450155, 1.208650973866179e-3, -5.395239384953e-6};
    double x = at, y = x, shifted = x + 5.5, sum = 1.000000000190015;
    shifted -= (x + 0.5) * log(shifted);
    for (int j = 0; j < 6; j++) sum += terms[j] / ++y;
    return (float)(-shifted + log(2.5066282746310005 * sum / x));
}

/* By size of the mean: a normal deviate, a product of uniform numbers, or rejection from a Lorentzian. */
static float poisson(Generator *g, float mean)
{
    if (mean > 1e6) return (float)(mean + sqrt(mean) * gaussian(g));
    float count, t;
    if (mean < 12.0) {
        float floor_at = (float)exp(-mean);
        count = -1, t = 1;
        do {
            count += 1;
            t *= uniform(g);
        } while (t > floor_at);
        return count;
    }
    float width = (float)sqrt(2.0 * mean), logarithm = (float)log(mean);
    float peak = mean * logarithm - log_gamma((float)(mean + 1.0));
    float y;
    do {
        do {
            y = (float)tan(3.14159265358979323846 * uniform(g));
            count = width * y + mean;
        } while (count < 0.0);
        count = (float)floor(count);
        float height = count * logarithm - log_gamma((float)(count + 1.0)) - peak;
        t = (float)(0.9 * (1.0 + y * y) * exp(height));
    } while (uniform(g) > t);
    return count;
}

/* Replace `count` means by deviates, in order. */
void poisson_deviates(float *pixels, int64_t count, int64_t from)
{
    Generator g;
    seed(&g, from);
    for (int64_t k = 0; k < count; k++) pixels[k] = poisson(&g, pixels[k]);
}
