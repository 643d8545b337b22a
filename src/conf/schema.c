/* JSON Schema, for editors: what they can know without a walk over files and
 * the environment. A scalar may also be a text with ${NAME} in it. */
#include "conf/conf_priv.h"

static void object_write(FILE *to, const struct conf_option *options,
			 bool is_root);

static void string_write(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(to, "\\u%04x", (unsigned)*text);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}

static void number_write(FILE *to, const struct conf_option *o)
{
	fprintf(to,
		"\"anyOf\": [{\"type\": \"integer\", \"minimum\": %llu, "
		"\"maximum\": %llu}, {\"$ref\": \"#/$defs/%s\"}]",
		(unsigned long long)o->min,
		(unsigned long long)conf_option_max(o),
		o->type == CONF_SIZE ? "size" : "expansion");
}

/* What others read where the word stands without quotes; NULL: the same. */
static const char *bare_reading(const char *word)
{
	if (strcmp(word, "off") == 0)
		return "false";
	return word[strspn(word, "0123456789.")] == '\0' ? word : NULL;
}

static void enum_write(FILE *to, const char *const *names)
{
	fputs("\"anyOf\": [{\"enum\": [", to);
	for (size_t i = 0; names[i] != NULL; i++) {
		const char *bare = bare_reading(names[i]);

		fputs(i > 0 ? ", " : "", to);
		string_write(to, names[i]);
		if (bare != NULL)
			fprintf(to, ", %s", bare);
	}
	fputs("]}, {\"$ref\": \"#/$defs/expansion\"}]", to);
}

/* An element of a list or map. */
static void element_write(FILE *to, const struct conf_option *o)
{
	if (o->parse != NULL)
		fputs("true", to);
	else if (o->section != NULL)
		object_write(to, o->section, false);
	else
		fputs("{\"$ref\": \"#/$defs/text\"}", to);
}

static void list_write(FILE *to, const struct conf_option *o)
{
	fputs("\"anyOf\": [{\"type\": [\"array\", \"null\"], \"items\": ", to);
	element_write(to, o);
	fputs("}", to);
	if (o->parse != NULL || o->section == NULL)
		fputs(", {\"$ref\": \"#/$defs/text\"}", to);
	fputs("]", to);
}

/* The members that say what a value is. */
static void type_write(FILE *to, const struct conf_option *o)
{
	switch (o->type) {
	case CONF_BOOL:
		fputs("\"anyOf\": [{\"type\": \"boolean\"}, "
		      "{\"$ref\": \"#/$defs/expansion\"}]",
		      to);
		break;
	case CONF_UINT:
	case CONF_SIZE:
		number_write(to, o);
		break;
	case CONF_DURATION:
		fputs("\"$ref\": \"#/$defs/duration\"", to);
		break;
	case CONF_ENUM:
		enum_write(to, conf_words(o));
		break;
	case CONF_SECTION:
		fputs("\"allOf\": [", to);
		object_write(to, o->section, false);
		fputs("]", to);
		break;
	case CONF_MAP_OF:
		fputs("\"type\": [\"object\", \"null\"], "
		      "\"additionalProperties\": ",
		      to);
		element_write(to, o);
		break;
	case CONF_LIST_OF:
		list_write(to, o);
		break;
	case CONF_CUSTOM:
		fputs("\"not\": {\"const\": null}", to);
		break;
	default:
		fputs("\"$ref\": \"#/$defs/text\"", to);
		break;
	}
}

/* Written as the type's own JSON where it has one. */
static void default_write(FILE *to, const struct conf_option *o)
{
	if (o->def == NULL || o->def[0] == '\0' || o->type >= CONF_SECTION)
		return;
	fputs(", \"default\": ", to);
	if (o->type == CONF_BOOL || o->type == CONF_UINT)
		fputs(o->def, to);
	else
		string_write(to, o->def);
}

static void property_write(FILE *to, const struct conf_option *o,
			   const char *suffix)
{
	fprintf(to, "\n\"%s%s\": {\"description\": ", o->name, suffix);
	string_write(to, o->help != NULL ? o->help : "");
	fputs(", ", to);
	type_write(to, o);
	if (suffix[0] == '\0')
		default_write(to, o);
	fputs("}", to);
}

/* A required secret may be given as NAME or as NAME_file. */
static void secrets_required(FILE *to, const struct conf_option *options)
{
	const char *glue = "";

	fputs(", \"allOf\": [", to);
	for (const struct conf_option *o = options; o->name != NULL; o++) {
		if (o->def != NULL || o->type != CONF_SECRET)
			continue;
		fprintf(to,
			"%s{\"oneOf\": [{\"required\": [\"%s\"]}, "
			"{\"required\": [\"%s_file\"]}]}",
			glue, o->name, o->name);
		glue = ", ";
	}
	fputs("]", to);
}

static void required_write(FILE *to, const struct conf_option *options)
{
	const char *glue = "";
	bool has_secret = false;

	fputs(", \"required\": [", to);
	for (const struct conf_option *o = options; o->name != NULL; o++) {
		if (o->def != NULL)
			continue;
		if (o->type == CONF_SECRET) {
			has_secret = true;
			continue;
		}
		fprintf(to, "%s\"%s\"", glue, o->name);
		glue = ", ";
	}
	fputs("]", to);
	if (has_secret)
		secrets_required(to, options);
}

static void object_write(FILE *to, const struct conf_option *options,
			 bool is_root)
{
	const char *glue = "";

	fprintf(to, "%s\"type\": [\"object\", \"null\"], \"properties\": {",
		is_root ? "" : "{");
	for (const struct conf_option *o = options; o->name != NULL; o++) {
		fputs(glue, to);
		property_write(to, o, "");
		if (o->type == CONF_SECRET) {
			fputc(',', to);
			property_write(to, o, "_file");
		}
		glue = ",";
	}
	if (is_root)
		fprintf(to,
			"%s\n\"include\": {\"description\": \"Files, or "
			"patterns of them, that hold more of this one.\", "
			"\"anyOf\": [{\"type\": \"string\"}, {\"type\": "
			"\"array\", \"items\": {\"type\": \"string\"}}]}",
			glue);
	fputs("}, \"additionalProperties\": false", to);
	required_write(to, options);
	fputs(is_root ? "" : "}", to);
}

static const char head[] =
	"{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	"\"title\": \"Viaduct's configuration\",\n"
	"\"$defs\": {\n"
	"\"expansion\": {\"type\": \"string\", \"pattern\": "
	"\"\\\\$\\\\{[A-Za-z_]\"},\n"
	"\"duration\": {\"anyOf\": [{\"const\": 0}, {\"type\": \"string\", "
	"\"pattern\": \"^(0|[1-9][0-9]*)(ms|s|m|h|d)$|\\\\$\\\\{[A-Za-z_]\"}"
	"]},\n"
	"\"size\": {\"type\": \"string\", \"pattern\": "
	"\"^(0|[1-9][0-9]*)(KiB|MiB|GiB)$|\\\\$\\\\{[A-Za-z_]\"},\n"
	"\"text\": {\"type\": "
	"[\"string\", \"number\", \"boolean\", \"null\"]}},\n";

void conf_print_schema(const struct conf_option *options, FILE *to)
{
	fputs(head, to);
	object_write(to, options, true);
	fputs("}\n", to);
}
