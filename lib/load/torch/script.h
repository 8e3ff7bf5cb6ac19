/* script.h — TorchScript text (code/….py of an archive) as a syntax tree.
 *
 * The grammar is what torch.jit writes and reads: classes with annotated attributes, functions,
 * assignments, if, while, for, with, return, raise and expressions. Names mean nothing yet. Text
 * may be hostile: nesting is bounded (expressions, blocks), memory is linear in the text. Nodes and
 * unescaped strings live in the caller's arena; other strings are views of the text. */
#ifndef XI_LOAD_TORCH_SCRIPT_H
#define XI_LOAD_TORCH_SCRIPT_H

#include "base/arena.h"
#include "base/string.h"

enum {
    XI_SCRIPT_MAX_DEPTH = 250, /* of expressions: also of chains such as a.b.c and a + b + c */
    XI_SCRIPT_MAX_BLOCKS = 150 /* of statements within statements */
};

typedef enum xi_script_kind {
    XI_SCRIPT_NAME = 0, /* text */
    XI_SCRIPT_NONE,
    XI_SCRIPT_BOOL,      /* i */
    XI_SCRIPT_INT,       /* i */
    XI_SCRIPT_FLOAT,     /* d; inf and nan are names */
    XI_SCRIPT_IMAGINARY, /* d */
    XI_SCRIPT_STRING,    /* text, unescaped */
    XI_SCRIPT_ELLIPSIS,
    XI_SCRIPT_TUPLE,
    XI_SCRIPT_LIST,
    XI_SCRIPT_DICT,      /* items: key, value, key, value … */
    XI_SCRIPT_ATTRIBUTE, /* items[0] . text */
    XI_SCRIPT_CALL, /* items[0] called with the others; the last `named` of them by names[0 … named
                       − 1] */
    XI_SCRIPT_SUBSCRIPT, /* items[0] [ items[1] … ] */
    XI_SCRIPT_SLICE,     /* three items, each may be NULL */
    XI_SCRIPT_UNARY,     /* op items[0]: "-", "+", "~", "not" */
    XI_SCRIPT_BINARY, /* items[0] op items[1]: arithmetic, bits, comparisons, "and", "or", "is not",
                         "not in" … */
    XI_SCRIPT_CHOICE, /* items[1] if items[0] else items[2] */
    XI_SCRIPT_STAR    /* *items[0] */
} xi_script_kind;

typedef struct xi_script_expr xi_script_expr;
struct xi_script_expr {
    xi_script_kind kind;
    int32_t line; /* from 1 */
    int32_t count, named;
    int32_t depth; /* 1 + the deepest item's */
    const char *op;
    xi_str text;
    int64_t i;
    double d;
    xi_script_expr **items;
    xi_str *names;
};

typedef enum xi_script_do {
    XI_SCRIPT_ASSIGN =
        0,              /* targets = value, or targets : type = value; value NULL: a declaration */
    XI_SCRIPT_AUGMENT,  /* targets[0] op= value */
    XI_SCRIPT_EVALUATE, /* value */
    XI_SCRIPT_IF,       /* value: body, orelse */
    XI_SCRIPT_WHILE,
    XI_SCRIPT_FOR,    /* targets in value: body */
    XI_SCRIPT_RETURN, /* value may be NULL */
    XI_SCRIPT_RAISE,
    XI_SCRIPT_ASSERT, /* value, type: the message or NULL */
    XI_SCRIPT_WITH,   /* value as targets: body */
    XI_SCRIPT_DELETE, /* targets */
    XI_SCRIPT_PASS,
    XI_SCRIPT_BREAK,
    XI_SCRIPT_CONTINUE
} xi_script_do;

typedef struct xi_script_stmt xi_script_stmt;

typedef struct xi_script_block {
    xi_script_stmt **items;
    int32_t count;
} xi_script_block;

struct xi_script_stmt {
    xi_script_do what;
    int32_t line;
    const char *op;          /* of AUGMENT: "+" … */
    xi_script_expr *targets; /* a NAME, ATTRIBUTE, SUBSCRIPT or TUPLE of such */
    xi_script_expr *value, *type;
    xi_script_block body, orelse;
};

typedef struct xi_script_param {
    xi_str name;
    xi_script_expr *type, *value; /* value: the default; either may be NULL */
} xi_script_param;

typedef struct xi_script_function {
    xi_str name;
    int32_t line;
    xi_script_param *params;
    int32_t param_count;
    xi_script_expr *result; /* the type; NULL: not written */
    xi_script_block body;
} xi_script_function;

/* One line of a class: name : type [= value], or name = value. */
typedef struct xi_script_field {
    xi_str name;
    int32_t line;
    xi_script_expr *type, *value;
} xi_script_field;

typedef struct xi_script_class {
    xi_str name,
        base; /* base: "Module", "NamedTuple", "Enum", "ModuleInterface", …; empty: a plain class */
    int32_t line;
    xi_script_field *fields;
    int32_t field_count;
    xi_script_function **methods;
    int32_t method_count;
} xi_script_class;

typedef struct xi_script_file {
    xi_str name; /* for messages */
    xi_script_class **classes;
    int32_t class_count;
    xi_script_function **functions;
    int32_t function_count;
    int64_t version; /* of "op_version_set = N"; −1: not written */
} xi_script_file;

/* Reads all of `text`, which outlives the tree, as does `name`. On failure *out is NULL and the
 * sentence names file and line. */
xinf_status xi_script_parse(xi_script_file **out, xi_arena *arena, xi_str name, xi_str text,
                            xinf_error *err);
/* One type or expression, as torch.jit writes the types of values: "Dict[str, Tensor]". */
xinf_status xi_script_parse_expr(xi_script_expr **out, xi_arena *arena, xi_str text,
                                 xinf_error *err);

#endif
