// hpp_test.cpp — xinf.hpp with exceptions, on models of tests/models/small; hpp_results.cpp is the
// same header without them.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <xinf.hpp>

int hpp_results(const char *folder,
                int *out_failed); // of the other way, linked into the same program

static int hpp_passed, hpp_failed;

static void hpp_check(bool good, const char *what)
{
    (good ? hpp_passed : hpp_failed)++;
    if (!good) std::printf("failed: %s\n", what);
}

template <class F> static xinf_status hpp_status(F &&call)
{
    try {
        call();
    } catch (const xinf::error &failure) {
        return failure.message().empty() ? -1 : failure.status();
    }
    return XINF_OK;
}

static_assert(!std::is_copy_constructible_v<xinf::tensor> &&
              std::is_nothrow_move_constructible_v<xinf::tensor>);
static_assert(!std::is_copy_assignable_v<xinf::session> &&
              std::is_nothrow_move_assignable_v<xinf::session>);
static_assert(xinf::dtype_of<const float> == XINF_FLOAT32 &&
              xinf::dtype_of<std::int64_t> == XINF_INT64);

// Counts what the environment holds, so that a handle that does not end its object is seen.
struct hpp_count {
    long blocks = 0;
    static void *resize(void *self, void *ptr, std::size_t old_size, std::size_t new_size,
                        std::size_t alignment)
    {
        auto *count = static_cast<hpp_count *>(self);
        void *block = nullptr;
        if (new_size) {
            block = aligned_alloc(64, (new_size + 63) / 64 * 64);
            if (!block) return nullptr;
            if (ptr)
                std::copy_n(static_cast<char *>(ptr), old_size < new_size ? old_size : new_size,
                            static_cast<char *>(block));
        }
        count->blocks += (block != nullptr) - (ptr != nullptr);
        std::free(ptr);
        (void)alignment;
        return block;
    }
};

static void hpp_runs(const std::string &folder)
{
    xinf::env env;
    xinf::model model = xinf::loader(env).load(folder + "/add.onnx");
    hpp_check(model.input_count() == 2 && std::string(model.input(1).name) == "y",
              "declared inputs");
    hpp_check(hpp_status([&] { (void)model.input(7); }) == XINF_INVALID_ARGUMENT,
              "an index out of range throws");
    xinf::session session(model);
    const float ones[3] = {1, 1, 1};
    xinf::tensor x = xinf::tensor::take<float>(env, {1, 2, 3}, {1, 3}),
                 y = xinf::tensor::wrap<const float>(env, {ones, 3}, {1, 3});
    std::vector<xinf::tensor> outputs = session.run({&x, &y});
    xinf::span<float> z = outputs[0].view<float>();
    hpp_check(z.size() == 3 && z[0] == 2 && z[2] == 4, "sum");
    hpp_check(outputs[0].view<double>().empty(), "a view of another type is empty");
    hpp_check(outputs[0].shape().size() == 2 && outputs[0].shape()[1] == 3, "shape");
    xinf::tensor held = outputs[0].share();
    hpp_check(held.get() == outputs[0].get() && held, "share");
    xinf::tensor moved = std::move(held);
    hpp_check(moved && !held.get(), "move empties");
    hpp_check(hpp_status([&] { (void)session.run({&x}); }) == XINF_INVALID_ARGUMENT,
              "too few inputs throw");
    hpp_check(hpp_status([&] { xinf::loader(env).load("no/such.onnx"); }) == XINF_IO,
              "a missing file throws");

    std::string text;
    model.print([&](std::string_view piece) { text += piece; });
    hpp_check(text.find("Add") != std::string::npos, "print");
    int steps = 0;
    const xinf::tensor *both[] = {&x, &y};
    (void)session.run_profiled(both, [&](const xinf_step_profile &) { steps++; });
    hpp_check(steps > 0, "profile");
    bool came = false;
    try {
        (void)session.run_profiled(
            both, [](const xinf_step_profile &) { throw std::runtime_error("mine"); });
    } catch (const std::runtime_error &mine) {
        came = std::string(mine.what()) == "mine";
    }
    hpp_check(came, "an exception passes through a callback");

    xinf::cancel cancel(env);
    cancel.trigger();
    xinf_run_options options = xinf::run_options();
    options.cancel = cancel.get();
    hpp_check(hpp_status([&] {
                  (void)session.run({&x, &y}, &options);
              }) == XINF_CANCELLED,
              "cancel");
    cancel.reset();
    hpp_check(hpp_status([&] {
                  (void)session.run({&x, &y}, &options);
              }) == XINF_OK,
              "reset of cancel");
}

static void hpp_strings(const std::string &folder)
{
    xinf::env env;
    xinf::session session(xinf::loader(env).load(folder + "/text.onnx"));
    xinf::tensor a = xinf::tensor::zeros(env, XINF_STRING, {3}),
                 b = xinf::tensor::zeros(env, XINF_STRING, {3});
    a.set_string(0, "x");
    b.set_string(0, std::string_view("y\0z", 3));
    hpp_check(session.run({&a, &b})[0].string(0) == std::string_view("xy\0z", 4), "strings");
}

static void hpp_life_times(const std::string &folder)
{
    hpp_count count;
    xinf_env_options options = xinf::env_options();
    options.allocator = {&count, hpp_count::resize};
    {
        xinf::session session;
        xinf::tensor x, y;
        {
            xinf::env env(options);
            x = xinf::tensor::zeros<float>(env, {2, 3});
            y = x.share();
            session = xinf::session(xinf::loader(env).load(folder + "/add.onnx"));
        }
        hpp_check(count.blocks > 0, "the allocator is asked");
        hpp_check(session.run({&x, &y}).size() == 1, "a session keeps alive what it uses");
    }
    hpp_check(count.blocks == 0, "handles end what they own");
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    try {
        hpp_runs(argv[1]);
        hpp_strings(argv[1]);
        hpp_life_times(argv[1]);
        hpp_passed += hpp_results(argv[1], &hpp_failed);
    } catch (const std::exception &failure) {
        std::printf("failed: %s\n", failure.what());
        hpp_failed++;
    }
    std::printf("%d passed, %d failed\n", hpp_passed, hpp_failed);
    return hpp_failed != 0;
}
