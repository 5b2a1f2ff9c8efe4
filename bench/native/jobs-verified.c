/* The jobs with verified blocks. */
#include "blocks-verified.h"
#define JOBS verified_jobs
#include "jobs.h"
