/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The config language: any bytes. What the rules and errors must look like whatever was read, and
 * that a text means the same with CRLF. The mutator knows the words of the language.
 */

#include "fuzz.h"

#include "conf.h"

static const char *const words[] = {
	"bind ",
	"keep ",
	"option vfio-pci ",
	"start init\n",
	"start hook\n",
	"[gaming]\n",
	"01:00.0 ",
	"0000:01:00.0 ",
	"10de:1c03 ",
	"id=8086:10d3 ",
	"subsystem=1458:3702 ",
	"class=03 ",
	"class=0c0330 ",
	"path=00:1c.4/00.0 ",
	"address=1f:1f.7 ",
	"serial=00-1b-21-ff-ff-a5-6c-0c ",
	"count=2 ",
	"count=all ",
	"with=functions ",
	"with=group ",
	"driver=auto ",
	"driver=pci-stub ",
	"allow=boot-display ",
	"allow=in-use ",
	"rescue=release ",
	"# comment\n",
	"\n",
	"\r\n",
	"\t",
	"=",
	":",
	"/",
	"disable_vga=1 ",
	"ids=10de:1c03 ",
	"\xef\xbb\xbf",
};

/* Puts a word in, at a place that the seed says; now and then libFuzzer's own mutation. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	const char *word = words[seed % (sizeof(words) / sizeof(words[0]))];
	size_t length = strlen(word), at = seed / 64 % (size + 1);

	if (seed & 1 || size + length > max)
		return LLVMFuzzerMutate(data, size, max);
	memmove(data + at + length, data + at, size - at);
	memcpy(data + at, word, length);
	return size + length;
}

static void check_rule(const struct conf *conf, const struct rule *rule)
{
	CLAIM(rule->place.file && rule->place.line);
	CLAIM(!rule->profile || !*rule->profile || conf_name_is_good(rule->profile));
	if (rule->statement == STATEMENT_BIND || rule->statement == STATEMENT_KEEP)
		CLAIM(rule->given & CONDITIONS && rule->driver && conf_name_is_good(rule->driver));
	if (rule->statement == STATEMENT_KEEP)
		CLAIM(!(rule->given & ~CONDITIONS));
	if (rule->given & CONDITION_PATH)
		CLAIM(rule->path.hops && rule->path.hops <= PCI_PATH_HOPS);
	if (rule->given & CONDITION_CLASS)
		CLAIM(rule->class_digits >= 2 && rule->class_digits <= 6);
	if (rule->statement == STATEMENT_OPTION)
		CLAIM(fuzz_is_clean(rule->options) && conf_name_is_good(rule->module));
	CLAIM(conf->count <= CONF_LINES_MAX);
}

static void parse(struct conf *conf, const char *text, size_t size)
{
	CLAIM(conf_parse(conf, "/etc/vfio-early.conf", text, size, false) == 0);
	for (size_t i = 0; i < conf->count; i++)
		check_rule(conf, &conf->rules[i]);
	CLAIM(conf->error_count <= conf->error_total);
	for (size_t i = 0; i < conf->error_count; i++) {
		CLAIM(fuzz_is_clean(conf->errors[i].message));
		CLAIM(conf->errors[i].place.line);
	}
}

/* The same text with CR in front of every newline. */
static char *with_crs(const uint8_t *data, size_t size, size_t *ret_size)
{
	char *text = malloc(2 * size + 1), *end = text;

	CLAIM(text);
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n')
			*end++ = '\r';
		*end++ = data[i];
	}
	*ret_size = end - text;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf unix_lines = { 0 }, dos_lines = { 0 };
	size_t dos_size;
	char *dos = with_crs(data, size, &dos_size);

	parse(&unix_lines, (const char *)data, size);
	parse(&dos_lines, dos, dos_size);
	if (!memchr(data, '\r', size)) {
		CLAIM(unix_lines.count == dos_lines.count);
		CLAIM(unix_lines.error_total == dos_lines.error_total);
	}
	conf_done(&unix_lines);
	conf_done(&dos_lines);
	free(dos);
	return 0;
}
