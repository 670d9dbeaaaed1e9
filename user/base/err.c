// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

int weir_fail(struct weir_err *err, enum weir_status status, int error, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	int n;

	if (err) {
		err->status = status;
		err->error = error;
		err->remedy[0] = '\0';
		va_start(ap, fmt);
		n = vsnprintf(err->what, sizeof(err->what), fmt, ap);
		va_end(ap);
		if (error && n >= 0 && (size_t)n < sizeof(err->what))
			snprintf(err->what + n, sizeof(err->what) - (size_t)n, ": %s",
				strerror(error < 0 ? -error : error));
	}
	errno = saved;
	if (!error)
		return -EINVAL;
	return error < 0 ? error : -error;
}

void weir_remedy(struct weir_err *err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->remedy, sizeof(err->remedy), fmt, ap);
		va_end(ap);
	}
	errno = saved;
}
