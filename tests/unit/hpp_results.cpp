// hpp_results.cpp — xinf.hpp where failures are results; linked with hpp_test.cpp, which uses
// exceptions.
#define XINF_NO_EXCEPTIONS
#include <xinf.hpp>

int hpp_results(const char *folder, int *out_failed);

int hpp_results(const char *folder, int *out_failed)
{
    int passed = 0;
    auto check = [&](bool good) { good ? passed++ : (*out_failed)++; };
    xinf::result<xinf::env> env = xinf::env::make();
    xinf::result<xinf::loader> loader = xinf::loader::make(*env);
    xinf::result<xinf::model> none = loader->load("no/such.onnx");
    check(!none && none.error().status() == XINF_IO &&
          none.error().message().find("no/such.onnx") != std::string::npos);
    xinf::result<xinf::model> model = loader->load(std::string(folder) + "/add.onnx");
    check(bool(model));
    xinf::result<xinf::session> session = xinf::session::make(*model);
    xinf::result<xinf::tensor> x = xinf::tensor::take<float>(*env, {1, 2, 3}, {1, 3});
    check(x && session);
    auto outputs = session->run({&*x, &*x});
    check(outputs && (*outputs)[0].view<float>()[2] == 6);
    auto few = session->run({&*x});
    check(!few && few.error().status() == XINF_INVALID_ARGUMENT);
    std::string text;
    xinf::result<void> printed = model->print([&](std::string_view piece) { text += piece; });
    check(printed && !text.empty());
    return passed;
}
