/* The jobs as they are timed. */
#include "blocks-plain.h"
#define JOBS plain_jobs
#include "jobs.h"
