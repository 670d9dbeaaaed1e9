// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The running kernel's names: of drop reasons, and of functions. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/kernel_names.h"
#include "test.h"

static void reasons_have_their_names_by_value(void **state)
{
	struct weir_kernel_reasons *reasons;
	char buf[WEIR_KERNEL_REASON_MAX];

	(void)state;
	assert_int_equal(weir_kernel_reasons_open(&reasons, NULL), 0);
	for (unsigned int i = 0; i < weir_kernel_reasons_count(reasons); i++) {
		__u32 value;
		const char *name = weir_kernel_reasons_at(reasons, i, &value);

		assert_string_equal(weir_kernel_reason_name(reasons, value, buf), name);
		assert_string_not_equal(name, "MAX");
		assert_null(strstr(name, "SKB_DROP"));
	}
	assert_string_equal(weir_kernel_reason_name(reasons, 0, buf), "NOT_DROPPED_YET");
	assert_string_equal(weir_kernel_reason_name(reasons, 0xfffe, buf), "REASON65534");
	assert_string_equal(weir_kernel_reason_name(reasons, 2 << 16 | 7, buf), "SUBSYS2/7");
	assert_string_equal(weir_kernel_reason_name(reasons, 0xffff0000, buf), "SUBSYS65535/0");
	weir_kernel_reasons_free(reasons);
}

/* Opens a file with @text as kallsyms. */
static int open_text(
	const char *text, size_t size, struct weir_kernel_symbols **symbols, struct weir_err *err)
{
	char path[] = "/tmp/weir-kallsyms-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), (ssize_t)size);
	close(fd);
	ret = weir_kernel_symbols_open(symbols, path, err);
	unlink(path);
	return ret;
}

#define OPEN_TEXT(text, symbols, err) open_text(text, strlen(text), symbols, err)

static void addresses_have_the_function_that_they_lie_in(void **state)
{
	/* out of order, with data, padding, a second name, a module */
	static const char text[] = "ffffffff81000200 T second\n"
				   "ffffffff81000100 t first.cold\n"
				   "ffffffff81000200 W alias\n"
				   "ffffffff81000180 d data\n"
				   "ffffffff810001f0 t __pfx_second\n"
				   "ffffffffc0000000 t third\t[module]\n";
	struct weir_kernel_symbols *symbols;
	char buf[64];
	__u64 offset;

	(void)state;
	assert_int_equal(OPEN_TEXT(text, &symbols, NULL), 0);
	assert_null(weir_kernel_symbol(symbols, 0xffffffff810000ff, &offset));
	assert_string_equal(weir_kernel_symbol(symbols, 0xffffffff81000100, &offset), "first.cold");
	assert_int_equal(offset, 0);
	assert_string_equal(weir_kernel_symbol(symbols, 0xffffffff810001ff, &offset), "first.cold");
	assert_int_equal(offset, 0xff);
	assert_string_equal(weir_kernel_symbol(symbols, 0xffffffff81000200, &offset), "second");
	assert_string_equal(
		weir_kernel_location(symbols, 0xffffffffc0000010, buf, sizeof(buf)), "third+0x10");
	assert_string_equal(weir_kernel_location(symbols, 0x10, buf, sizeof(buf)), "0x10");
	weir_kernel_symbols_free(symbols);
}

/* From who is not root the kernel hides them whatever kptr_restrict says. */
static void who_may_not_see_addresses_is_told_to_be_root(void **state)
{
	static const char hidden[] = "0000000000000000 T a\n";
	struct weir_kernel_symbols *symbols = NULL;
	bool root = !geteuid();
	struct weir_err err;

	(void)state;
	if (root)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(OPEN_TEXT(hidden, &symbols, &err), -EPERM);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_non_null(strstr(err.remedy, "as root"));
	assert_null(strstr(err.remedy, "kptr_restrict"));
}

static void what_is_no_list_of_symbols_is_refused(void **state)
{
	static const char nul[] = "ffffffff81000200 T a\0b\n";
	struct weir_kernel_symbols *symbols = NULL;
	struct weir_err err;

	(void)state;
	assert_int_equal(
		OPEN_TEXT("0000000000000000 T a\n0000000000000000 t b\n", &symbols, &err), -EPERM);
	assert_non_null(strstr(err.what, "hides the addresses"));
	assert_non_null(strstr(err.remedy, geteuid() ? "as root" : "kptr_restrict"));
	assert_int_equal(OPEN_TEXT("ffffffff81000200 T a\nffffffff8100", &symbols, &err), -EBADMSG);
	assert_non_null(strstr(err.what, "line 2"));
	assert_int_equal(OPEN_TEXT("ffffffff81000200 T ", &symbols, &err), -EBADMSG);
	assert_int_equal(OPEN_TEXT("ffffffff81000200 T\n", &symbols, &err), -EBADMSG);
	assert_int_equal(OPEN_TEXT("ffffffff81000200 T \t[m]\n", &symbols, &err), -EBADMSG);
	assert_int_equal(OPEN_TEXT("nonsense\n", &symbols, &err), -EBADMSG);
	assert_int_equal(OPEN_TEXT("\n", &symbols, &err), -EBADMSG);
	assert_int_equal(OPEN_TEXT("", &symbols, &err), -ENODATA);
	assert_int_equal(OPEN_TEXT("ffffffff81000200 d a\n", &symbols, &err), -ENODATA);
	assert_int_equal(open_text(nul, sizeof(nul) - 1, &symbols, &err), -EBADMSG);
	assert_int_equal(weir_kernel_symbols_open(&symbols, "/nowhere", &err), -ENOENT);
	assert_int_equal(weir_kernel_symbols_open(&symbols, "/", &err), -EISDIR);
	assert_null(symbols);
	weir_kernel_symbols_free(NULL);
}

/* Each function that the kernel itself names is found by the address that it names. */
static void this_kernels_functions_are_found(void **state)
{
	struct weir_kernel_symbols *symbols;
	struct weir_err err;
	unsigned int found = 0;
	char line[512];
	FILE *file;

	(void)state;
	if (geteuid() || weir_kernel_symbols_open(&symbols, NULL, &err)) {
		print_message("# skip: needs root, and a kernel that shows its addresses\n");
		skip();
	}
	file = fopen("/proc/kallsyms", "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		unsigned long long address;
		char type, name[256];
		__u64 offset;

		if (sscanf(line, "%llx %c %255s", &address, &type, name) != 3 ||
			toupper(type) != 'T' ||
			(strcmp(name, "ip_rcv") && strcmp(name, "ip_output")))
			continue;
		assert_string_equal(weir_kernel_symbol(symbols, address + 4, &offset), name);
		assert_int_equal(offset, 4);
		found++;
	}
	fclose(file);
	weir_kernel_symbols_free(symbols);
	assert_int_equal(found, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_have_their_names_by_value),
		cmocka_unit_test(addresses_have_the_function_that_they_lie_in),
		cmocka_unit_test(who_may_not_see_addresses_is_told_to_be_root),
		cmocka_unit_test(what_is_no_list_of_symbols_is_refused),
		cmocka_unit_test(this_kernels_functions_are_found),
	};

	return WEIR_RUN(tests);
}
