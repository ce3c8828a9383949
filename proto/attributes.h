#ifndef NISIM_PROTO_ATTRIBUTES_H
#define NISIM_PROTO_ATTRIBUTES_H

/* The caller must look at the result (STYLE: one result type per layer). */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

#endif
