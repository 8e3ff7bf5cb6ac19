/* machine.h — runs a TorchScript program over values that are known or belong to the graph, and so
 * imports it.
 *
 * What is known is computed; loops with known trips are unrolled, methods and functions are run
 * where they are called. Only tensors, numbers that a run decides, and sequences become nodes.
 * Where a run decides which way to go, both ways are run, each into a subgraph of its own; a
 * journal of all that a branch changed tells what the If or Loop gives back. */
#ifndef XI_IMPORT_TORCH_MACHINE_H
#define XI_IMPORT_TORCH_MACHINE_H

#include "import/import.h"
#include "import/torch/aten.h"
#include "load/torch/archive.h"
#include "load/torch/script.h"

enum {
    XI_MACHINE_DEPTH = 1600,   /* of expressions, statements and calls within each other */
    XI_MACHINE_CALLS = 200,    /* of calls within each other */
    XI_MACHINE_TRIPS = 1000000 /* of an unrolled loop */
};

/* A class or a function, found by its qualified name. */
typedef struct xi_machine_symbol {
    xi_str module; /* "__torch__.torch.nn.functional" */
    const xi_script_file *file;
    const xi_script_class *type; /* one of the two */
    const xi_script_function *function;
} xi_machine_symbol;

typedef struct xi_machine_object {
    const xi_machine_symbol *symbol; /* of its class; NULL for what a part of a program made */
    const xi_torch_value *source;    /* in the file; NULL: made by the program */
    xi_str path;                     /* "layer1.0.conv1": names weights and states */
    xi_str *names;
    xi_aten_value *values;
    uint8_t *marks; /* XI_MACHINE_READ, XI_MACHINE_WRITTEN */
    int32_t count, capacity;
} xi_machine_object;

/* What FUNCTION values point to. */
typedef struct xi_machine_callable {
    const xi_machine_symbol *symbol; /* its function, or its class to be made */
    xi_machine_object *self;
    const xi_script_function *method;
} xi_machine_callable;

typedef struct xi_machine_variable {
    xi_str name;
    xi_aten_value value;
    bool set;
} xi_machine_variable;

/* One function being run. */
typedef struct xi_machine_frame {
    struct xi_machine_frame *caller;
    const xi_machine_symbol *symbol;
    xi_machine_variable *variables; /* open addressing */
    uint32_t count, capacity;
    bool returned;
    xi_aten_value result;
} xi_machine_frame;

typedef enum xi_machine_change_kind {
    XI_MACHINE_VARIABLE,
    XI_MACHINE_MEMORY,
    XI_MACHINE_ATTRIBUTE,
    XI_MACHINE_LIST,
    XI_MACHINE_DICT
} xi_machine_change_kind;

/* What was before a change. */
typedef struct xi_machine_change {
    xi_machine_change_kind kind;
    xi_machine_frame *frame; /* of VARIABLE */
    xi_str name;             /* of VARIABLE and ATTRIBUTE */
    xi_machine_object *object;
    xi_aten_tensor *tensor;
    xi_value *contents;
    xi_aten_list *list, list_before;
    xi_aten_dict *dict, dict_before;
    xi_aten_value before, after; /* after: filled when the branch is left */
    bool was_set, is_set;
    bool was_written; /* of ATTRIBUTE: its mark */
} xi_machine_change;

typedef struct xi_machine_journal {
    struct xi_machine_journal *outer;
    xi_machine_frame *frame; /* whose variables count */
    xi_machine_change *items;
    int32_t count, capacity;
    bool raised;
    xi_str message; /* what with */
} xi_machine_journal;

/* An attribute or a tensor of the file that the program writes: carried from run to run. The list
 * outlives a run of the program, which begins again when one is found. */
typedef struct xi_machine_state {
    const xi_torch_value *owner; /* of an attribute that is bound anew: its object, and the name */
    xi_str attribute;
    const xi_torch_value *tensor; /* of a tensor that is written in place */
    xi_type type;
    xi_value *read; /* while the program runs */
    const xi_literal *initial;
    xi_str name;
} xi_machine_state;

typedef struct xi_machine {
    xi_aten x;
    xi_torch_archive *archive;
    const xi_script_file **files; /* per source; NULL until it is needed */
    xi_machine_symbol **symbols;
    size_t symbol_count, symbol_capacity;
    xi_machine_object **objects;    /* by value id */
    xi_aten_value *tensors;         /* by value id */
    const xi_torch_value **sources; /* of them */
    xi_aten_value *constants;       /* CONSTANTS.cN */
    xi_machine_frame *frame;
    xi_machine_journal *journal;
    int32_t depth, calls, loading;
    int32_t line;
    xi_str file;
    struct xi_machine_states {
        xi_machine_state *items;
        size_t count, capacity;
        bool changed; /* another round is needed */
    } * states;
    xi_machine_object **touched; /* objects of the file with attributes that were bound */
    size_t touched_count, touched_capacity;
} xi_machine;

enum { XI_MACHINE_READ = 1, XI_MACHINE_WRITTEN = 2 };

/* Kinds that only the machine knows. */
#define XI_MACHINE_NOTHING \
    ((xi_aten_kind)100) /* not initialised, or of two kinds in two branches: not to be used */

static inline bool xi_machine_good(const xi_machine *m)
{
    return m->x.status == XINF_OK;
}
/* Behind an error that the program raises in a branch: what comes there does not matter. */
static inline bool xi_machine_dead(const xi_machine *m)
{
    return m->journal && m->journal->raised;
}
/* "code/__torch__.py:12: " + the sentence, unless something failed before. Gives NONE. */
xi_aten_value xi_machine_fail(xi_machine *m, xinf_status status, const char *fmt, ...)
    XI_PRINTF(3, 4);
/* Where we are, for messages and names of nodes. */
void xi_machine_at(xi_machine *m, int32_t line);

/* ---- program.c: classes, functions, objects ---- */

/* "__torch__.a.b.Name": NULL when there is none or the file is broken (then status is set). */
const xi_machine_symbol *xi_machine_find(xi_machine *m, xi_str qualified);
const xi_script_function *xi_machine_method(const xi_machine_symbol *symbol, xi_str name);
xi_aten_value xi_machine_value(xi_machine *m, const xi_torch_value *v, xi_str path);
xi_aten_value xi_machine_new_object(xi_machine *m, const xi_machine_symbol *symbol);
/* The attribute as the file has it; NULL: it has none. */
const xi_torch_value *xi_machine_source(const xi_torch_value *owner, xi_str attribute);
void xi_machine_add_state(xi_machine *m, const xi_torch_value *owner, xi_str attribute);
/* Notes a write to memory that belongs to the file. */
void xi_machine_note_memory(xi_machine *m, const xi_aten_tensor *memory, const xi_value *before);
/* NULL: there is no such attribute. */
xi_aten_value *xi_machine_attribute(xi_machine_object *o, xi_str name);
void xi_machine_set_attribute(xi_machine *m, xi_machine_object *o, xi_str name, xi_aten_value v);
xi_str xi_machine_join(xi_machine *m, xi_str a, xi_str b); /* "a.b" */

/* ---- eval.c ---- */
xi_aten_value xi_machine_eval(xi_machine *m, const xi_script_expr *e);
void xi_machine_assign(xi_machine *m, const xi_script_expr *target, xi_aten_value v);
void xi_machine_set(xi_machine *m, xi_str name, xi_aten_value v);
xi_machine_variable *xi_machine_variable_of(xi_machine_frame *f, xi_str name);
/* Several values of one: a list, a tuple, a named tuple. NULL: it is none. */
xi_aten_list *xi_machine_items(const xi_aten_value *v);

/* ---- invoke.c: calls ---- */
xi_aten_value xi_machine_call_expr(xi_machine *m, const xi_script_expr *e);
xi_aten_value xi_machine_invoke(xi_machine *m, const xi_machine_symbol *symbol,
                                const xi_script_function *f, const xi_aten_value *args,
                                int32_t count, const xi_aten_named *named, int32_t named_count);
/* An operator by its name, as torch.NAME or ops.…: "add", "quantized::conv2d", "prim::min". */
xi_aten_value xi_machine_operator(xi_machine *m, xi_str name, const xi_aten_value *args,
                                  int32_t count, const xi_aten_named *named, int32_t named_count);

/* ---- number.c, list.c: operators on what is no tensor; false: not theirs ---- */
bool xi_machine_number_op(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *args,
                          int32_t count);
bool xi_machine_list_op(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *args,
                        int32_t count, const xi_aten_named *named, int32_t named_count);
bool xi_machine_text_op(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *args,
                        int32_t count);
xi_aten_value xi_machine_index(xi_machine *m, const xi_aten_value *v, const xi_aten_value *index);
/* Equal as ==, when both are known; −1: not told. */
int xi_machine_equal(const xi_aten_value *a, const xi_aten_value *b);
/* A condition: known (*out) or in the graph (a rank-0 bool). */
xi_value *xi_machine_truth(xi_machine *m, const xi_aten_value *v, bool *out);
/* A number for the graph, rank 0. */
xi_value *xi_machine_scalar(xi_machine *m, const xi_aten_value *v);
void xi_machine_touch_list(xi_machine *m, xi_aten_list *list);
void xi_machine_touch_dict(xi_machine *m, xi_aten_dict *dict);

/* ---- exec.c ---- */
void xi_machine_run(xi_machine *m, const xi_script_block *b);
/* A branch with a condition that a run decides; a loop of unknown trips. control.c */
void xi_machine_if(xi_machine *m, const xi_script_stmt *s, xi_value *condition);
void xi_machine_while(xi_machine *m, const xi_script_stmt *s, xi_value *trips, xi_value *condition);
xi_aten_value xi_machine_choice(xi_machine *m, const xi_script_expr *e, xi_value *condition);
void xi_machine_raise(xi_machine *m, xi_str message);
/* Raises it when a run finds that this is true. */
void xi_machine_raise_if(xi_machine *m, xi_value *failed, xi_str message);

xi_aten_value xi_machine_target_get(const xi_machine_change *c);
void xi_machine_target_set(xi_machine *m, const xi_machine_change *c, const xi_aten_value *v);
xi_type xi_machine_meet(const xi_type *a, const xi_type *b);
xi_value *xi_machine_own(xi_machine *m, xi_graph *g, xi_value *v);
/* A list of tensors as a sequence of the graph; dtype: of an empty one. */
xi_value *xi_machine_sequence(xi_machine *m, const xi_aten_value *v, xinf_dtype dtype);
/* Variables that hold the list hold the sequence from now on. */
void xi_machine_list_to_sequence(xi_machine *m, xi_aten_list *list, const xi_aten_value *sequence);

/* ---- journal.c ---- */
void xi_machine_begin(xi_machine *m, xi_machine_journal *j);
/* Takes everything back; `after` then holds what it was. */
void xi_machine_end(xi_machine *m, xi_machine_journal *j);
xi_machine_change *xi_machine_note(xi_machine *m, xi_machine_change_kind kind, const void *key,
                                   xi_str name);
void xi_machine_wrote(void *self, xi_aten_tensor *memory, xi_value *before);

/* Owns the archive of an import, and keeps what is needed to import it again. */
typedef struct xi_torch_program {
    xinf_allocator alloc;
    size_t size;
    xi_torch_archive *archive;
    xi_import_source source;
} xi_torch_program;

/* The program of a TorchScript archive: fills family, graph and notes. The archive must live as
 * long as the graph. */
xinf_status xi_import_torch_script(xi_import *out, xi_torch_archive *archive,
                                   const xi_import_source *source, xinf_error *err);

#endif
