/*
 * PSKC (RFC 6030), read as a stream: no more than one KeyPackage is in memory. Nothing outside the
 * file is read, and a file with a document type is refused, so there are no entities.
 */
#include <errno.h>
#include <libxml/xmlreader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "import_source.h"
#include "secret.h"
#include "text.h"

#define DEPTH_MAX 32
#define TEXT_BYTES_MAX 2048
#define KEY_NAME_BYTES_MAX 128

enum name_space {
    PSKC,
    XENC,
    DS,
    NISIM,
};

static const char *const name_spaces[] = {
    [PSKC] = "urn:ietf:params:xml:ns:keyprov:pskc",
    [XENC] = "http://www.w3.org/2001/04/xmlenc#",
    [DS] = "http://www.w3.org/2000/09/xmldsig#",
    [NISIM] = "urn:nisim:pskc:1",
};

/* IN_NONE is the document itself; IN_OTHER what is passed over. */
enum element {
    IN_NONE,
    IN_OTHER,
    IN_ANY,
#define PSKC_ELEMENT(member, parent, name_space, name) IN_##member,
#define PSKC_TEXT(member, parent, name_space, name, column) IN_##member,
#include "pskc_elements.def"
};

static const struct known {
    enum element element;
    enum element parent;
    enum name_space name_space;
    enum import_column column; /* IMPORT_COLUMNS: none */
    const char *name;
} known[] = {
#define PSKC_ELEMENT(member, parent, name_space, name) \
    {IN_##member, parent, name_space, IMPORT_COLUMNS, name},
#define PSKC_TEXT(member, parent, name_space, name, column) \
    {IN_##member, parent, name_space, column, name},
#include "pskc_elements.def"
};
#define KNOWN (sizeof known / sizeof known[0])

/* XML Encryption 1.1, 5.6, and RFC 6030 6.1. */
static const struct {
    const char *uri;
    enum import_wrap wrap;
} methods[] = {
    {"http://www.w3.org/2001/04/xmlenc#kw-aes128", IMPORT_WRAP_KW},
    {"http://www.w3.org/2001/04/xmlenc#kw-aes192", IMPORT_WRAP_KW},
    {"http://www.w3.org/2001/04/xmlenc#kw-aes256", IMPORT_WRAP_KW},
    {"http://www.w3.org/2009/xmlenc11#kw-aes-128-pad", IMPORT_WRAP_KWP},
    {"http://www.w3.org/2009/xmlenc11#kw-aes-192-pad", IMPORT_WRAP_KWP},
    {"http://www.w3.org/2009/xmlenc11#kw-aes-256-pad", IMPORT_WRAP_KWP},
    {"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p", IMPORT_WRAP_OAEP},
};

/* In locked pages; what libxml2 holds of the package at hand is not. */
struct pskc {
    xmlTextReaderPtr reader;
    size_t depth;
    enum element path[DEPTH_MAX];
    bool is_empty;   /* the element at hand is <x/> */
    bool ended;      /* the package at hand is complete */
    bool bad;        /* it can't be taken */
    bool broken;     /* nor can what follows */
    bool saw_method; /* in this package */
    char why[IMPORT_WHY_BYTES];
    char fault[IMPORT_WHY_BYTES]; /* what libxml2 said */
    char key_name[KEY_NAME_BYTES_MAX + 1];
    size_t text_bytes;
    char text[TEXT_BYTES_MAX];
};

static void refuse(struct pskc *pskc, const char *reason, const char *what)
{
    bool show = what != NULL && strlen(what) <= 96 && text_is_clean(what, strlen(what));
    if (pskc->bad)
        return;
    snprintf(pskc->why, sizeof pskc->why, "%s%s%s%s", reason, show ? " \"" : "", show ? what : "",
             show ? "\"" : "");
    pskc->bad = true;
}

static void give_up(struct pskc *pskc, const char *reason)
{
    pskc->bad = false;
    refuse(pskc, reason, NULL);
    pskc->broken = true;
}

static void on_error(void *context, xmlErrorPtr error)
{
    struct pskc *pskc = context;
    const char *message = error->message == NULL ? "" : error->message;
    size_t length = strcspn(message, "\n");
    if (pskc->fault[0] == '\0' && length < 160 && text_is_clean(message, length))
        snprintf(pskc->fault, sizeof pskc->fault, "not well-formed XML: %.*s", (int)length,
                 message);
}

static const struct known *find_known(enum element parent, bool in_package, const char *uri,
                                      const char *name)
{
    for (size_t i = 0; i < KNOWN; i++) {
        bool fits = known[i].parent == parent || (known[i].parent == IN_ANY && in_package);
        if (fits && uri != NULL && strcmp(name_spaces[known[i].name_space], uri) == 0 &&
            strcmp(known[i].name, name) == 0)
            return &known[i];
    }
    return NULL;
}

static bool is_called(enum element element, const char *name)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (known[i].element == element)
            return strcmp(known[i].name, name) == 0;
    }
    return false;
}

static enum element top(const struct pskc *pskc)
{
    return pskc->depth == 0 ? IN_NONE : pskc->path[pskc->depth - 1];
}

static bool is_in_package(const struct pskc *pskc)
{
    return pskc->depth >= 2 && pskc->path[1] == IN_PACKAGE;
}

/* The attribute's value; NULL where it has none. The caller frees. */
static char *attribute(struct pskc *pskc, const char *name)
{
    return (char *)xmlTextReaderGetAttribute(pskc->reader, (const xmlChar *)name);
}

static void take_method(struct pskc *pskc, struct import_row *row)
{
    char *uri = attribute(pskc, "Algorithm");
    enum import_wrap wrap = IMPORT_WRAP_NONE;
    for (size_t i = 0; uri != NULL && i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i].uri, uri) == 0)
            wrap = methods[i].wrap;
    }
    if (uri == NULL)
        refuse(pskc, "an EncryptionMethod has no Algorithm", NULL);
    else if (wrap == IMPORT_WRAP_NONE)
        refuse(pskc,
               "only AES key wrap and RSA-OAEP can be unwrapped inside the token, not "
               "EncryptionMethod",
               uri);
    else if (pskc->saw_method && row->wrap != wrap)
        refuse(pskc, "its secrets are not encrypted by one EncryptionMethod", NULL);
    row->wrap = wrap;
    pskc->saw_method = true;
    xmlFree(uri);
}

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && strcasecmp(text + length - end_length, end) == 0;
}

/* The Id stands for the IMPI until an Impi says otherwise. */
static void take_key(struct pskc *pskc, struct import_row *row)
{
    char *algorithm = attribute(pskc, "Algorithm");
    char *id = attribute(pskc, "Id");
    if (algorithm == NULL || !ends_in(algorithm, "milenage"))
        refuse(pskc, "only keys of Milenage can be run (urn:nisim:pskc:1:milenage), not Algorithm",
               algorithm == NULL ? "" : algorithm);
    if (id != NULL && row->values[IMPORT_IMPI] == NULL &&
        !import_row_set(row, IMPORT_IMPI, id, strlen(id)))
        refuse(pskc, "its Id is too long", NULL);
    xmlFree(algorithm);
    xmlFree(id);
}

static void begin_package(struct pskc *pskc, struct import_row *row)
{
    long line = xmlGetLineNo(xmlTextReaderCurrentNode(pskc->reader)); /* the parser is ahead */
    import_row_clear(row, line < 0 ? 0 : (size_t)line);
    row->wrap = IMPORT_WRAP_NONE;
    pskc->saw_method = false;
    if (!import_row_set(row, IMPORT_TRANSPORT_KEY, pskc->key_name, strlen(pskc->key_name)))
        refuse(pskc, "the name of its key is too long", NULL);
}

static void begin_element(struct pskc *pskc, struct import_row *row)
{
    const char *name = (const char *)xmlTextReaderConstLocalName(pskc->reader);
    const char *uri = (const char *)xmlTextReaderConstNamespaceUri(pskc->reader);
    const struct known *found = find_known(top(pskc), is_in_package(pskc), uri, name);
    if (pskc->depth == DEPTH_MAX) {
        give_up(pskc, "its elements are nested too deep");
        return;
    }
    if (pskc->depth == 0 && found == NULL) {
        give_up(pskc, "it is no PSKC file: its first element is not KeyContainer of RFC 6030");
        return;
    }
    pskc->path[pskc->depth++] = found == NULL ? IN_OTHER : found->element;
    pskc->text_bytes = 0;
    if (top(pskc) == IN_PACKAGE)
        begin_package(pskc, row);
    else if (top(pskc) == IN_KEY)
        take_key(pskc, row);
    else if (is_called(top(pskc), "EncryptionMethod"))
        take_method(pskc, row);
}

static bool is_list(enum import_column column)
{
    return column == IMPORT_IMPUS || column == IMPORT_USER_IDS || column == IMPORT_P_CSCFS;
}

static void take_text(struct pskc *pskc, struct import_row *row, enum import_column column)
{
    bool plain = is_called(top(pskc), "PlainValue");
    if (top(pskc) == IN_KEY_NAME) {
        snprintf(pskc->key_name, sizeof pskc->key_name, "%.*s", (int)pskc->text_bytes, pskc->text);
        if (pskc->text_bytes > KEY_NAME_BYTES_MAX)
            give_up(pskc, "the KeyName of its EncryptionKey is too long");
        return;
    }
    if (plain && pskc->saw_method)
        refuse(pskc, "one of its secrets is encrypted, another is not", NULL);
    bool good = is_list(column) ? import_row_append(row, column, pskc->text, pskc->text_bytes)
                                : import_row_set(row, column, pskc->text, pskc->text_bytes);
    if (!good)
        refuse(pskc, "too long, or not fit to stand in a list, is the value of",
               import_column_name(column));
    secret_wipe(pskc->text, pskc->text_bytes);
    pskc->text_bytes = 0;
}

static enum import_column column_of(enum element element)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (known[i].element == element)
            return known[i].column;
    }
    return IMPORT_COLUMNS;
}

static void end_element(struct pskc *pskc, struct import_row *row)
{
    enum element element = top(pskc);
    enum import_column column = column_of(element);
    if (column != IMPORT_COLUMNS)
        take_text(pskc, row, column);
    pskc->ended = element == IN_PACKAGE;
    pskc->depth--;
}

static void add_text(struct pskc *pskc)
{
    const char *text = (const char *)xmlTextReaderConstValue(pskc->reader);
    size_t length = text == NULL ? 0 : strlen(text);
    if (column_of(top(pskc)) == IMPORT_COLUMNS)
        return;
    if (length > sizeof pskc->text - pskc->text_bytes) {
        refuse(pskc, "an element has too long a text", NULL);
        return;
    }
    memcpy(pskc->text + pskc->text_bytes, text == NULL ? "" : text, length);
    pskc->text_bytes += length;
}

static void take_node(struct pskc *pskc, struct import_row *row)
{
    switch (xmlTextReaderNodeType(pskc->reader)) {
    case XML_READER_TYPE_ELEMENT:
        pskc->is_empty = xmlTextReaderIsEmptyElement(pskc->reader) == 1;
        begin_element(pskc, row);
        if (pskc->is_empty && !pskc->broken)
            end_element(pskc, row);
        break;
    case XML_READER_TYPE_END_ELEMENT:
        end_element(pskc, row);
        break;
    case XML_READER_TYPE_TEXT:
    case XML_READER_TYPE_CDATA:
    case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
        add_text(pskc);
        break;
    case XML_READER_TYPE_DOCUMENT_TYPE:
        give_up(pskc, "it has a document type declaration, which is not taken");
        break;
    case XML_READER_TYPE_ENTITY_REFERENCE:
        give_up(pskc, "it has an entity, which is not taken");
        break;
    default:
        break;
    }
}

static enum import_got next(void *context, struct import_row *row, char out_why[IMPORT_WHY_BYTES])
{
    struct pskc *pskc = context;
    int read = 1;
    import_row_clear(row, 0);
    pskc->bad = false;
    pskc->ended = false;
    while (!pskc->ended && !pskc->broken && (read = xmlTextReaderRead(pskc->reader)) == 1)
        take_node(pskc, row);
    int line = xmlTextReaderGetParserLineNumber(pskc->reader);
    if (read < 0)
        give_up(pskc, pskc->fault[0] != '\0' ? pskc->fault : "it can't be read as XML");
    if (row->line == 0 || pskc->broken)
        row->line = line < 0 ? 0 : (size_t)line;
    if (pskc->bad)
        snprintf(out_why, IMPORT_WHY_BYTES, "%s", pskc->why);
    if (pskc->broken)
        return IMPORT_GOT_BROKEN;
    if (read == 0)
        return IMPORT_GOT_END;
    return pskc->bad ? IMPORT_GOT_BAD : IMPORT_GOT_ROW;
}

static uint64_t position(void *context)
{
    struct pskc *pskc = context;
    long at = xmlTextReaderByteConsumed(pskc->reader);
    return at < 0 ? 0 : (uint64_t)at;
}

static void close_pskc(void *context)
{
    struct pskc *pskc = context;
    xmlFreeTextReader(pskc->reader);
    secret_pages_free(pskc, sizeof *pskc);
}

bool import_pskc_open(int descriptor, struct import_source *out_source,
                      char out_why[IMPORT_WHY_BYTES])
{
    struct pskc *pskc = secret_pages_new(sizeof *pskc);
    if (pskc == NULL) {
        snprintf(out_why, IMPORT_WHY_BYTES, "no memory that can be locked: %s", strerror(errno));
        return false;
    }
    pskc->reader = xmlReaderForFd(descriptor, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOCDATA);
    if (pskc->reader == NULL) {
        snprintf(out_why, IMPORT_WHY_BYTES, "memory is short");
        secret_pages_free(pskc, sizeof *pskc);
        return false;
    }
    xmlTextReaderSetStructuredErrorHandler(pskc->reader, on_error, pskc);
    *out_source = (struct import_source){next, position, close_pskc, pskc};
    return true;
}
