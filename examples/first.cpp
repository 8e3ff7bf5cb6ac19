// first.cpp — first.c in C++: opens a model and prints the first number of its first output.
#include <cstdio>
#include <xinf.hpp>

int main(int argc, char **argv)
try {
    if (argc != 2) return 2;
    xinf::env env;
    xinf::model model = xinf::loader(env).load(argv[1]);
    xinf::session session(model);
    xinf::tensor image = xinf::tensor::zeros<float>(env, {1, 1, 8, 8});
    std::vector<xinf::tensor> outputs = session.run({&image});
    std::printf("%f\n", outputs[0].view<float>()[0]);
} catch (const xinf::error &failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
}
