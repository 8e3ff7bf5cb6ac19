//! The binding on models of tests/models/small.
use std::path::{Path, PathBuf};
use std::time::Duration;
use xinf::{Cancel, Env, Error, Kind, Model, RunOptions, Session, SessionOptions, Status, Tensor};

fn small(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/models/small").join(name)
}

fn add(env: &Env) -> Session {
    Session::new(&env.load(small("add.onnx")).unwrap()).unwrap()
}

fn row(env: &Env, numbers: [f32; 3]) -> Tensor {
    Tensor::from_vec(env, &[1, 3], numbers.to_vec()).unwrap()
}

fn status<T>(result: Result<T, Error>) -> Option<Status> {
    result.err().map(|e| {
        assert!(!e.message.is_empty());
        e.status
    })
}

#[test]
fn sum() {
    let env = Env::new().unwrap();
    let mut session = add(&env);
    let (x, y) = (row(&env, [1., 2., 3.]), row(&env, [4., 5., 6.]));
    let outputs = session.run(&[&x, &y]).unwrap();
    assert_eq!(outputs[0].as_slice::<f32>().unwrap(), [5., 7., 9.]);
    assert_eq!((outputs[0].shape(), outputs[0].kind()), (&[1i64, 3][..], Kind::Tensor));
    assert_eq!(status(outputs[0].as_slice::<f64>()), Some(Status::Mismatch));
}

#[test]
fn declarations() {
    let model = Env::new().unwrap().load(small("add.onnx")).unwrap();
    let inputs = model.inputs().unwrap();
    assert_eq!(inputs.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(inputs[0].shape, Some(vec![None, Some(3)]));
    assert_eq!(format!("{:?}", inputs[0].dtype), "float32");
    assert_eq!(model.outputs().unwrap()[0].name, "z");
}

#[test]
fn bytes_are_kept_by_the_model() {
    let env = Env::new().unwrap();
    let model = env.load_bytes(std::fs::read(small("add.onnx")).unwrap()).unwrap();
    let mut session = Session::new(&model).unwrap();
    let x = row(&env, [1., 1., 1.]);
    drop((env, model));
    assert_eq!(session.run(&[&x, &x]).unwrap()[0].as_slice::<f32>().unwrap(), [2., 2., 2.]);
    assert_eq!(status(Env::new().unwrap().load_bytes(vec![8, 7, 255, 255])), Some(Status::Malformed));
}

#[test]
fn failures() {
    let env = Env::new().unwrap();
    assert_eq!(status(env.load("no/such.onnx")), Some(Status::Io));
    assert_eq!(status(Session::new(&env.load(small("unknown.onnx")).unwrap())), Some(Status::Unsupported));
    assert_eq!(status(Tensor::from_vec(&env, &[2, 3], vec![0f32; 5])), Some(Status::InvalidArgument));
    let mut session = add(&env);
    let x = row(&env, [0.; 3]);
    assert_eq!(status(session.run(&[&x])), Some(Status::InvalidArgument));
    let wide = Tensor::zeros::<f64>(&env, &[1, 3]).unwrap();
    assert_eq!(status(session.run(&[&x, &wide])), Some(Status::Mismatch));
    assert!(session.run(&[&x, &x]).is_ok());
}

#[test]
fn cancelled_and_late() {
    let env = Env::new().unwrap();
    let model = env.load(small("endless.onnx")).unwrap();
    let inputs: Vec<Tensor> = (model.inputs().unwrap().iter())
        .map(|v| Tensor::zeros::<f32>(&env, &v.shape.clone().unwrap().iter().map(|n| n.unwrap_or(1)).collect::<Vec<_>>()).unwrap())
        .collect();
    let inputs: Vec<&Tensor> = inputs.iter().collect();
    let mut session = Session::with_options(&model, &SessionOptions { threads: 1, ..Default::default() }).unwrap();
    let options = RunOptions { deadline: Some(Duration::from_millis(20)), ..Default::default() };
    assert_eq!(status(session.run_with(&inputs, options)), Some(Status::Deadline));
    let cancel = Cancel::new(&env).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            cancel.trigger();
        });
        let options = RunOptions { cancel: Some(&cancel), ..Default::default() };
        assert_eq!(status(session.run_with(&inputs, options)), Some(Status::Cancelled));
    });
}

#[test]
fn threads_share_a_model() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<(Env, Model, Tensor, Cancel, Session)>();
    sync::<(Env, Model, Tensor, Cancel)>();
    let env = Env::new().unwrap();
    let model = env.load(small("add.onnx")).unwrap();
    let x = row(&env, [1., 2., 3.]);
    std::thread::scope(|scope| {
        for k in 0..4 {
            let (env, model, x) = (&env, &model, &x);
            scope.spawn(move || {
                let mut session = Session::with_options(model, &SessionOptions { threads: 1, ..Default::default() }).unwrap();
                let y = row(env, [k as f32; 3]);
                for _ in 0..100 {
                    let outputs = session.run(&[x, &y]).unwrap();
                    assert_eq!(outputs[0].as_slice::<f32>().unwrap()[2], 3. + k as f32);
                }
            });
        }
    });
}

#[cfg(feature = "ndarray")]
#[test]
fn arrays() {
    use ndarray::{array, Array2};
    let env = Env::new().unwrap();
    let mut session = add(&env);
    let turned: Array2<f32> = array![[1., 4.], [2., 5.], [3., 6.]].reversed_axes();
    let part: Array2<f32> = array![[9., 9., 9.], [1., 1., 1.], [2., 2., 2.]].slice_move(ndarray::s![1.., ..]);
    let (x, y) = (Tensor::from_array(&env, turned).unwrap(), Tensor::from_array(&env, part).unwrap());
    let outputs = session.run(&[&x, &y]).unwrap();
    assert_eq!(outputs[0].as_array::<f32>().unwrap(), array![[2., 3., 4.], [6., 7., 8.]].into_dyn());
}
