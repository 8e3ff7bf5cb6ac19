/* xinf.hpp — xinf.h for C++17: handles that end themselves, views instead of pointer and count,
 * errors as exceptions.
 *
 * The whole program is examples/first.cpp:
 *
 *     xinf::env env;
 *     xinf::model model = xinf::loader(env).load("model.onnx");
 *     xinf::session session(model);
 *     xinf::tensor image = xinf::tensor::zeros<float>(env, {1, 1, 8, 8});
 *     std::vector<xinf::tensor> outputs = session.run({&image});
 *     float first = outputs[0].view<float>()[0];
 *
 * Handles are move-only; moved-from and default-made ones are empty, and only bool() and
 * destruction are for those. A failure throws xinf::error. With XINF_NO_EXCEPTIONS defined, or
 * where the compiler has exceptions off, each function that can fail returns xinf::result<T>
 * instead: test it with bool(), then take *result or result.error(). Constructors that can fail
 * become static functions named make, in both ways. The two ways are different inline namespaces,
 * so objects of both may be linked into one program. Functions given as callbacks may throw: the
 * exception comes out of the call that was given them. Threads and life times are those of xinf.h.
 */
#ifndef XINF_HPP
#define XINF_HPP

#include <xinf.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if !defined(XINF_NO_EXCEPTIONS) && !defined(__cpp_exceptions)
#define XINF_NO_EXCEPTIONS
#endif
#ifdef XINF_NO_EXCEPTIONS
#define XINF_HPP_NAMESPACE results
#else
#define XINF_HPP_NAMESPACE exceptions
#endif

namespace xinf
{
inline namespace XINF_HPP_NAMESPACE
{

/* A status other than XINF_OK and the sentence that goes with it. */
class error : public std::exception
{
  public:
    error(xinf_status status, std::string message) : status_(status), message_(std::move(message))
    {
    }
    xinf_status status() const noexcept
    {
        return status_;
    }
    const std::string &message() const noexcept
    {
        return message_;
    }
    const char *what() const noexcept override
    {
        return message_.c_str();
    }

  private:
    xinf_status status_;
    std::string message_;
};

#ifdef XINF_NO_EXCEPTIONS
template <class T> class [[nodiscard]] result
{
  public:
    result(T value) : value_(std::move(value)), error_(XINF_OK, {}) {}
    result(xinf::error failure) : error_(std::move(failure)) {}
    explicit operator bool() const noexcept
    {
        return error_.status() == XINF_OK;
    }
    T &operator*() &noexcept
    {
        return value_;
    }
    const T &operator*() const &noexcept
    {
        return value_;
    }
    T &&operator*() &&noexcept
    {
        return std::move(value_);
    }
    T *operator->() noexcept
    {
        return &value_;
    }
    const xinf::error &error() const noexcept
    {
        return error_;
    }

  private:
    T value_{};
    xinf::error error_;
};
template <> class [[nodiscard]] result<void>
{
  public:
    result() : error_(XINF_OK, {}) {}
    result(xinf::error failure) : error_(std::move(failure)) {}
    explicit operator bool() const noexcept
    {
        return error_.status() == XINF_OK;
    }
    const xinf::error &error() const noexcept
    {
        return error_;
    }

  private:
    xinf::error error_;
};
template <class T> using returned = result<T>;
#else
template <class T> using returned = T;
#endif

/* A view of `size` elements that somebody else owns, as std::span is. */
template <class T> class span
{
  public:
    constexpr span() noexcept = default;
    constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <class C, class = decltype(static_cast<T *>(std::declval<C &>().data()))>
    constexpr span(C &container) noexcept : data_(container.data()), size_(container.size())
    {
    }
    template <std::size_t N> constexpr span(T (&array)[N]) noexcept : data_(array), size_(N) {}
    /* Lives only as long as the call it is an argument of. */
    constexpr span(std::initializer_list<std::remove_const_t<T>> list) noexcept : size_(list.size())
    {
        data_ = list.begin();
    }
    constexpr T *data() const noexcept
    {
        return data_;
    }
    constexpr std::size_t size() const noexcept
    {
        return size_;
    }
    constexpr bool empty() const noexcept
    {
        return size_ == 0;
    }
    constexpr T *begin() const noexcept
    {
        return data_;
    }
    constexpr T *end() const noexcept
    {
        return data_ + size_;
    }
    constexpr T &operator[](std::size_t i) const noexcept
    {
        return data_[i];
    }

  private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail
{

/* Owns one hold on an object of the library. */
template <class T, void (*Destroy)(T *)> class handle
{
  public:
    handle() noexcept = default;
    explicit handle(T *object) noexcept : object_(object) {}
    handle(handle &&other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    handle &operator=(handle &&other) noexcept
    {
        std::swap(object_, other.object_);
        return *this;
    }
    ~handle()
    {
        Destroy(object_);
    }
    explicit operator bool() const noexcept
    {
        return object_ != nullptr;
    }
    /* The object, for functions of xinf.h; stays owned. */
    T *get() const noexcept
    {
        return object_;
    }
    /* The object, which the caller now owns. */
    T *release() noexcept
    {
        return std::exchange(object_, nullptr);
    }

  protected:
    T *object_ = nullptr;
};

#ifdef XINF_NO_EXCEPTIONS
template <class T> result<T> settle(xinf_status status, const xinf_error &err, T value)
{
    return status == XINF_OK ? result<T>(std::move(value)) : result<T>(error(status, err.message));
}
inline result<void> settle(xinf_status status, const xinf_error &err)
{
    return status == XINF_OK ? result<void>() : result<void>(error(status, err.message));
}
#else
inline void settle(xinf_status status, const xinf_error &err)
{
    if (status != XINF_OK) throw error(status, err.message);
}
template <class T> T settle(xinf_status status, const xinf_error &err, T value)
{
    settle(status, err);
    return value;
}
#endif

template <class T> struct dtype_of;
#define XINF_HPP_DTYPE(type, number)                \
    template <> struct dtype_of<type> {             \
        static constexpr xinf_dtype value = number; \
    }
XINF_HPP_DTYPE(float, XINF_FLOAT32);
XINF_HPP_DTYPE(double, XINF_FLOAT64);
XINF_HPP_DTYPE(bool, XINF_BOOL);
XINF_HPP_DTYPE(std::int8_t, XINF_INT8);
XINF_HPP_DTYPE(std::int16_t, XINF_INT16);
XINF_HPP_DTYPE(std::int32_t, XINF_INT32);
XINF_HPP_DTYPE(std::int64_t, XINF_INT64);
XINF_HPP_DTYPE(std::uint8_t, XINF_UINT8);
XINF_HPP_DTYPE(std::uint16_t, XINF_UINT16);
XINF_HPP_DTYPE(std::uint32_t, XINF_UINT32);
XINF_HPP_DTYPE(std::uint64_t, XINF_UINT64);
#undef XINF_HPP_DTYPE

/* Stands between a C callback and a callable; keeps the first exception until the call that carried
 * it has returned. */
template <class F> struct trampoline {
    F &function;
#ifndef XINF_NO_EXCEPTIONS
    std::exception_ptr thrown{};
#endif
    template <class... A> bool call(A &&...args) noexcept
    {
#ifdef XINF_NO_EXCEPTIONS
        function(std::forward<A>(args)...);
        return true;
#else
        if (thrown) return false;
        try {
            function(std::forward<A>(args)...);
            return true;
        } catch (...) {
            thrown = std::current_exception();
            return false;
        }
#endif
    }
    void rethrow()
    {
#ifndef XINF_NO_EXCEPTIONS
        if (thrown) std::rethrow_exception(thrown);
#endif
    }
    static std::int32_t write(void *self, const char *text, std::size_t size) noexcept
    {
        return static_cast<trampoline *>(self)->call(std::string_view(text, size)) ? 0 : 1;
    }
    static void profile(void *self, const xinf_step_profile *step) noexcept
    {
        (void)static_cast<trampoline *>(self)->call(*step);
    }
};

inline void release_anything(void *) noexcept {}

} /* namespace detail */

/* The element type of T: XINF_FLOAT32 for float. */
template <class T>
inline constexpr xinf_dtype dtype_of = detail::dtype_of<std::remove_const_t<T>>::value;

/* The options of each struct with its size filled in, so that fields can be set by name. */
inline xinf_env_options env_options()
{
    return XINF_ENV_OPTIONS_INIT;
}
inline xinf_load_options load_options()
{
    return XINF_LOAD_OPTIONS_INIT;
}
inline xinf_session_options session_options()
{
    return XINF_SESSION_OPTIONS_INIT;
}
inline xinf_run_options run_options()
{
    return XINF_RUN_OPTIONS_INIT;
}

class env : public detail::handle<xinf_env, xinf_env_destroy>
{
  public:
    using handle::handle;
    static returned<env> make(const xinf_env_options *options = nullptr)
    {
        xinf_env *out = nullptr;
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_env_create(&out, options, &err);
        return detail::settle(status, err, env(out));
    }
#ifndef XINF_NO_EXCEPTIONS
    env() : env(make()) {}
    explicit env(const xinf_env_options &options) : env(make(&options)) {}
#else
    env() noexcept = default;
#endif
};

/* One hold on a tensor, sequence, map or none. */
class tensor : public detail::handle<xinf_tensor, xinf_tensor_destroy>
{
  public:
    using handle::handle;
    tensor() noexcept = default;
    static returned<tensor> zeros(const env &env, xinf_dtype dtype, span<const std::int64_t> shape)
    {
        xinf_tensor *out = nullptr;
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_tensor_create(&out, env.get(), dtype, shape.data(),
                                                static_cast<std::int32_t>(shape.size()), &err);
        return detail::settle(status, err, tensor(out));
    }
    template <class T> static returned<tensor> zeros(const env &env, span<const std::int64_t> shape)
    {
        return zeros(env, dtype_of<T>, shape);
    }
    /* A view of the caller's elements, which must outlive every hold on the tensor and every run
     * that reads it. */
    template <class T>
    static returned<tensor> wrap(const env &env, span<T> elements, span<const std::int64_t> shape)
    {
        xinf_tensor *out = nullptr;
        xinf_error err = XINF_ERROR_INIT;
        auto *data = const_cast<std::remove_const_t<T> *>(elements.data());
        xinf_status status = xinf_tensor_wrap(
            &out, env.get(), dtype_of<T>, shape.data(), static_cast<std::int32_t>(shape.size()),
            data, elements.size() * sizeof(T), detail::release_anything, nullptr, &err);
        return detail::settle(status, err, tensor(out));
    }
    /* The tensor owns the vector from here on. */
    template <class T>
    static returned<tensor> take(const env &env, std::vector<T> elements,
                                 span<const std::int64_t> shape)
    {
        static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no elements to point at");
        auto *kept = new std::vector<T>(std::move(elements));
        xinf_tensor *out = nullptr;
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_tensor_wrap(
            &out, env.get(), dtype_of<T>, shape.data(), static_cast<std::int32_t>(shape.size()),
            kept->data(), kept->size() * sizeof(T),
            [](void *self) { delete static_cast<std::vector<T> *>(self); }, kept, &err);
        if (status != XINF_OK) delete kept;
        return detail::settle(status, err, tensor(out));
    }
    /* One more hold on the same tensor. */
    tensor share() const noexcept
    {
        return tensor(xinf_tensor_retain(object_));
    }

    xinf_kind kind() const noexcept
    {
        return xinf_tensor_kind(object_);
    }
    xinf_dtype dtype() const noexcept
    {
        return xinf_tensor_dtype(object_);
    }
    std::int64_t count() const noexcept
    {
        return xinf_tensor_count(object_);
    }
    std::size_t size() const noexcept
    {
        return xinf_tensor_size(object_);
    }
    void *data() const noexcept
    {
        return xinf_tensor_data(object_);
    }
    span<const std::int64_t> shape() const noexcept
    {
        return {xinf_tensor_shape(object_), static_cast<std::size_t>(xinf_tensor_rank(object_))};
    }
    /* The elements when they are of type T, else none. */
    template <class T> span<T> view() const noexcept
    {
        if (kind() != XINF_KIND_TENSOR || dtype() != dtype_of<T>) return {};
        return {static_cast<T *>(data()), static_cast<std::size_t>(count())};
    }
    std::string_view string(std::int64_t index) const noexcept
    {
        std::size_t size = 0;
        const char *bytes = xinf_tensor_string(object_, index, &size);
        return bytes ? std::string_view(bytes, size) : std::string_view();
    }
    returned<void> set_string(std::int64_t index, std::string_view bytes)
    {
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_tensor_set_string(object_, index, bytes.data(), bytes.size(),
                                                    &err);
        return detail::settle(status, err);
    }
    /* Item of a sequence or value of a map, with a hold of its own; empty when out of range. */
    tensor item(std::int64_t index) const noexcept
    {
        xinf_tensor *borrowed = xinf_tensor_item(object_, index);
        return tensor(borrowed ? xinf_tensor_retain(borrowed) : nullptr);
    }
    tensor keys() const noexcept
    {
        xinf_tensor *borrowed = xinf_tensor_keys(object_);
        return tensor(borrowed ? xinf_tensor_retain(borrowed) : nullptr);
    }
};

class model : public detail::handle<xinf_model, xinf_model_destroy>
{
  public:
    using handle::handle;
    model() noexcept = default;
    std::int32_t input_count() const noexcept
    {
        return xinf_model_input_count(object_);
    }
    std::int32_t output_count() const noexcept
    {
        return xinf_model_output_count(object_);
    }
    std::int32_t state_count() const noexcept
    {
        return xinf_model_state_count(object_);
    }
    returned<xinf_value_info> input(std::int32_t index) const
    {
        return ask(xinf_model_input, index);
    }
    returned<xinf_value_info> output(std::int32_t index) const
    {
        return ask(xinf_model_output, index);
    }
    returned<xinf_value_info> state(std::int32_t index) const
    {
        return ask(xinf_model_state, index);
    }
    returned<void> save(const std::string &path) const
    {
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_model_save(object_, path.c_str(), &err);
        return detail::settle(status, err);
    }
    /* Calls write(std::string_view) with pieces of the graph's text form. */
    template <class F> returned<void> print(F &&write) const
    {
        detail::trampoline<std::remove_reference_t<F>> bridge{write};
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_model_print(object_, bridge.write, &bridge, &err);
        bridge.rethrow();
        return detail::settle(status, err);
    }

  private:
    returned<xinf_value_info> ask(xinf_status (*function)(const xinf_model *, std::int32_t,
                                                          xinf_value_info *, xinf_error *),
                                  std::int32_t index) const
    {
        xinf_value_info info = XINF_VALUE_INFO_INIT;
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = function(object_, index, &info, &err);
        return detail::settle(status, err, info);
    }
};

class loader : public detail::handle<xinf_loader, xinf_loader_destroy>
{
  public:
    using handle::handle;
    static returned<loader> make(const env &env)
    {
        xinf_loader *out = nullptr;
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_loader_create(&out, env.get(), nullptr, &err);
        return detail::settle(status, err, loader(out));
    }
    loader() noexcept = default;
#ifndef XINF_NO_EXCEPTIONS
    explicit loader(const env &env) : loader(make(env)) {}
#endif
    returned<model> load(const std::string &path, const xinf_load_options *options = nullptr) const
    {
        xinf_model *out = nullptr;
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_loader_load(&out, object_, path.c_str(), options, &err);
        return detail::settle(status, err, model(out));
    }
    /* The bytes are borrowed until the model and all its sessions are gone. */
    returned<model> load_memory(const void *data, std::size_t size,
                                const xinf_load_options *options = nullptr) const
    {
        xinf_model *out = nullptr;
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_loader_load_memory(&out, object_, data, size, options, &err);
        return detail::settle(status, err, model(out));
    }
};

class cancel : public detail::handle<xinf_cancel, xinf_cancel_destroy>
{
  public:
    using handle::handle;
    cancel() noexcept = default;
    static returned<cancel> make(const env &env)
    {
        xinf_cancel *out = nullptr;
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_cancel_create(&out, env.get(), &err);
        return detail::settle(status, err, cancel(out));
    }
#ifndef XINF_NO_EXCEPTIONS
    explicit cancel(const env &env) : cancel(make(env)) {}
#endif
    void trigger() const noexcept
    {
        xinf_cancel_trigger(object_);
    }
    void reset() const noexcept
    {
        xinf_cancel_reset(object_);
    }
};

class session : public detail::handle<xinf_session, xinf_session_destroy>
{
  public:
    session() noexcept = default;
    static returned<session> make(const model &model, const xinf_session_options *options = nullptr)
    {
        xinf_session *out = nullptr;
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_session_create(&out, model.get(), options, &err);
        return detail::settle(status, err, session(out, model.output_count()));
    }
#ifndef XINF_NO_EXCEPTIONS
    explicit session(const model &model) : session(make(model)) {}
    session(const model &model, const xinf_session_options &options)
        : session(make(model, &options))
    {
    }
#endif
    /* Runs once: inputs in the model's order, nullptr for one that has a default. Outputs are valid
     * as xinf_session_run says: until the next run, unless the caller copies them. */
    returned<std::vector<tensor>> run(span<const tensor *const> inputs,
                                      const xinf_run_options *options = nullptr)
    {
        std::vector<xinf_tensor *> given(inputs.size()), made(static_cast<std::size_t>(outputs_));
        for (std::size_t i = 0; i < inputs.size(); i++)
            given[i] = inputs[i] ? inputs[i]->get() : nullptr;
        std::vector<tensor> outputs(made.size());
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_session_run(object_, given.data(),
                                              static_cast<std::int32_t>(given.size()), made.data(),
                                              outputs_, options, &err);
        for (std::size_t i = 0; i < made.size(); i++) outputs[i] = tensor(made[i]);
        return detail::settle(status, err, std::move(outputs));
    }
    returned<std::vector<tensor>> run(std::initializer_list<const tensor *> inputs,
                                      const xinf_run_options *options = nullptr)
    {
        return run(span<const tensor *const>(inputs.begin(), inputs.size()), options);
    }
    /* The same, and tells profile(const xinf_step_profile &) of each step. */
    template <class F>
    returned<std::vector<tensor>> run_profiled(span<const tensor *const> inputs, F &&profile)
    {
        detail::trampoline<std::remove_reference_t<F>> bridge{profile};
        xinf_run_options options = XINF_RUN_OPTIONS_INIT;
        options.profile = bridge.profile;
        options.profile_self = &bridge;
        auto outputs = run(inputs, &options);
        bridge.rethrow();
        return outputs;
    }
    returned<void> reset()
    {
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = xinf_session_reset(object_, &err);
        return detail::settle(status, err);
    }

  private:
    session(xinf_session *object, std::int32_t outputs) noexcept : handle(object), outputs_(outputs)
    {
    }
    std::int32_t outputs_ = 0;
};

} // namespace XINF_HPP_NAMESPACE
} /* namespace xinf */

#undef XINF_HPP_NAMESPACE
#endif
