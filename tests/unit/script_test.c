/* script_test.c — TorchScript text, good and hostile, and the tree that becomes of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/allocator.h"
#include "load/torch/script.h"

static int script_passed, script_failed;

static void script_check(bool ok, const char *what, const char *detail)
{
    script_passed += ok;
    script_failed += !ok;
    if (!ok) printf("FAILED %s: %s\n", what, detail);
}

static xinf_status script_read(xi_script_file **out, xi_arena *arena, const char *text,
                               xinf_error *err)
{
    return xi_script_parse(out, arena, XI_STR("code/t.py"), xi_str_of(text), err);
}

/* ---- what is read ---- */

static void script_test_class(xi_arena *arena)
{
    xi_script_file *f;
    xinf_error err = XINF_ERROR_INIT;
    const char *text = "op_version_set = 1\n"
                       "class Net(Module):\n"
                       "  __parameters__ = [\"weight\", ]\n"
                       "  weight : Tensor\n"
                       "  __annotations__[\"0\"] = __torch__.Inner\n"
                       "  size : Final[int] = -3\n"
                       "  def forward(self: __torch__.Net,\n"
                       "    x: Tensor,\n"
                       "    n: Optional[int]=None) -> Tuple[Tensor, int]:\n"
                       "    a, b, = (self).split(x, [1, 2], dim=-1)  # a comment\n"
                       "    return (a, 7 if torch.gt(b, 1.5e-3) else 2 ** -1)\n"
                       "def helper(x: Tensor) -> NoneType:\n"
                       "  pass\n";
    script_check(script_read(&f, arena, text, &err) == XINF_OK, "a class", err.message);
    if (!f) return;
    script_check(f->class_count == 1 && f->function_count == 1 && f->version == 1,
                 "what a file holds", "");
    const xi_script_class *c = f->classes[0];
    script_check(xi_str_is(c->base, "Module") && c->field_count == 4 && c->method_count == 1,
                 "what a class holds", "");
    script_check(xi_str_is(c->fields[2].name, "0") && c->fields[2].type &&
                     c->fields[3].value->i == -3,
                 "attributes", "");
    const xi_script_function *m = c->methods[0];
    script_check(m->param_count == 3 && m->params[2].value->kind == XI_SCRIPT_NONE &&
                     m->result->kind == XI_SCRIPT_SUBSCRIPT,
                 "parameters", "");
    const xi_script_stmt *assign = m->body.items[0];
    script_check(assign->what == XI_SCRIPT_ASSIGN && assign->targets->kind == XI_SCRIPT_TUPLE &&
                     assign->targets->count == 2 && assign->line == 10,
                 "targets", "");
    script_check(assign->value->kind == XI_SCRIPT_CALL && assign->value->named == 1 &&
                     xi_str_is(assign->value->names[0], "dim"),
                 "arguments by name", "");
    const xi_script_expr *choice = m->body.items[1]->value->items[1];
    script_check(choice->kind == XI_SCRIPT_CHOICE && choice->items[1]->i == 7 &&
                     choice->items[2]->kind == XI_SCRIPT_BINARY,
                 "a choice", "");
    script_check(choice->items[0]->items[2]->d == 1.5e-3, "a number", "");
}

static void script_test_blocks(xi_arena *arena)
{
    xi_script_file *f;
    xinf_error err = XINF_ERROR_INIT;
    const char *text = "def f(x: int):\n"
                       "  while True:\n"
                       "    if x:\n"
                       "      y = \"a\\n\\x41\\101\"\n"
                       "    elif not x is None:\n"
                       "      y = {\"k\": [1, 2], }\n"
                       "    else:\n"
                       "      raise\n"
                       "  for i in range(3):\n"
                       "    x.y[i] = -x\n"
                       "  return x[1:]\n";
    script_check(script_read(&f, arena, text, &err) == XINF_OK, "blocks", err.message);
    if (!f) return;
    const xi_script_block *body = &f->functions[0]->body;
    script_check(body->count == 3 && body->items[0]->what == XI_SCRIPT_WHILE &&
                     body->items[1]->what == XI_SCRIPT_FOR,
                 "loops", "");
    const xi_script_stmt *choice = body->items[0]->body.items[0];
    script_check(xi_str_is(choice->body.items[0]->value->text, "a\nAA"), "escapes", "");
    script_check(choice->orelse.count == 1 && choice->orelse.items[0]->what == XI_SCRIPT_IF &&
                     choice->orelse.items[0]->orelse.items[0]->what == XI_SCRIPT_RAISE,
                 "elif", "");
    script_check(body->items[2]->value->items[1]->kind == XI_SCRIPT_SLICE, "a slice", "");
}

/* ---- what is refused ---- */

static void script_refuse(const char *what, const char *text, const char *wanted)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    xi_script_file *f;
    xi_arena arena;
    xi_arena_init(&arena, &alloc, (size_t)64 << 20);
    xinf_status status = script_read(&f, &arena, text, &err);
    script_check(status != XINF_OK && !f && strstr(err.message, wanted), what, err.message);
    xi_arena_reset(&arena);
}

/* head, then `part` count times, then tail */
static void script_refuse_repeated(const char *what, const char *head, const char *part,
                                   size_t count, const char *tail)
{
    size_t each = strlen(part), at = strlen(head);
    char *text = malloc(at + each * count + strlen(tail) + 1);
    if (!text) return;
    strcpy(text, head);
    for (size_t i = 0; i < count; i++, at += each) memcpy(text + at, part, each);
    strcpy(text + at, tail);
    script_refuse(what, text, "nest deeper");
    free(text);
}

static void script_test_hostile(void)
{
    script_refuse_repeated("10,000 parentheses", "def f(x):\n  return ", "(", 10000, "x\n");
    script_refuse_repeated("50,000 minuses", "def f(x):\n  return ", "-", 50000, "x\n");
    script_refuse_repeated("50,000 negations", "def f(x):\n  return ", "not ", 50000, "x\n");
    script_refuse_repeated("a long chain", "def f(x):\n  return x", ".x", 50000, "\n");
    script_refuse_repeated("a long sum", "def f(x):\n  return x", " + x", 50000, "\n");
    script_refuse_repeated("many calls", "def f(x):\n  return x", "(x)", 50000, "\n");
    script_refuse_repeated("many choices", "def f(x):\n  return ", "1 if x else ", 50000, "2\n");
    script_refuse_repeated("many elifs", "def f(x):\n  if x:\n    pass\n", "  elif x:\n    pass\n",
                           5000, "");
    script_refuse("an open bracket", "def f(x):\n  return (x\n", "not closed");
    script_refuse("an open string", "def f(x):\n  return \"x\n", "no end");
    script_refuse("a broken indentation", "def f(x):\n    x = 1\n  y = 2\n", "fits no block");
    script_refuse("an empty block", "def f(x):\nx = 1\n", "indented block");
    script_refuse("a statement of its own", "x = 1\n", "a class or a function");
    script_refuse("a target that is none", "def f(x):\n  1 = x\n", "assigned");
    script_refuse("a number too large", "def f(x):\n  return 99999999999999999999\n",
                  "fits no int");
    script_refuse("arguments out of order", "def f(x):\n  return g(a=1, 2)\n", "without a name");
}

int main(void)
{
    xinf_allocator alloc = xi_allocator_default();
    xi_arena arena;
    xi_arena_init(&arena, &alloc, 0);
    script_test_class(&arena);
    script_test_blocks(&arena);
    xi_arena_reset(&arena);
    script_test_hostile();
    printf("%d passed, %d failed\n", script_passed, script_failed);
    return script_failed != 0;
}
