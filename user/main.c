// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/cmd.h"

int main(int argc, char **argv)
{
	return weir_main(argc, argv);
}
