use gibbsite::configuration::Configurations;
use gibbsite::log_partition::bennett::BennettRatio;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::tempered_run::TemperedRun;
use gibbsite::log_partition::LogPartitionEstimator;
use gibbsite::model::Model;
use gibbsite::model::labelled_rbm::LabelledRbm;
use gibbsite::random::Seed;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let rbm = gibbsite_files::model::read_machine(std::path::Path::new(&args[1])).unwrap().machine;
    let machine = LabelledRbm::new(rbm, 10).unwrap();
    let rungs: usize = args[2].parse().unwrap();
    let rounds: usize = args[3].parse().unwrap();
    let ladders: usize = args[4].parse().unwrap();
    let images = gibbsite_files::idx::read_images(std::path::Path::new("data/mnist/t10k-images-idx3-ubyte.gz")).unwrap();
    let labels = gibbsite_files::idx::read_labels(std::path::Path::new("data/mnist/t10k-labels-idx1-ubyte.gz")).unwrap();
    let mut data = Configurations::zeros(794, 10000);
    for s in 0..10000 {
        for (i, g) in images.image(s).iter().enumerate() {
            if *g >= 128 { gibbsite::configuration::set_bit(data.row_mut(s), i, true); }
        }
        gibbsite::configuration::set_bit(data.row_mut(s), 784 + labels[s] as usize, true);
    }
    let path = machine.path(Some(&data)).unwrap();
    let t = std::time::Instant::now();
    let run = TemperedRun { betas: Betas::Adaptive(rungs), ladders, burn_in: rounds / 4, rounds, every: 10 };
    let found = BennettRatio(run).estimate(&*path, Seed::root(1), &mut |_, _| ()).unwrap();
    println!("rungs {rungs} rounds {rounds} ladders {ladders}: {:.3} +- {:?} doubts {:?} {:.0?}", found.value, found.standard_error, found.doubts, t.elapsed());
}
