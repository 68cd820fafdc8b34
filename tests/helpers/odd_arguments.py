"""Odd command lines by what they are about; `{folder}` and `{run}` stand for folders of a test.

A line is read as a shell reads it. Those of `train` stand behind the keys of a tiny run, and those
of the other commands behind what they need, so far as they do not give the same key.
"""

GIANT = "1" + 400 * "0"  # more than the largest float
ABOVE = 2**63  # more than a signed number of 64 bits

TRAIN = {
    "groups": [
        *("callbacks=null", "~callbacks", "logger=null", "~logger", "~trainer", "~model"),
        *("~optimizer", "~data", "~pretrain", "~sweep", "trainer=abc", "trainer={}", "data=abc"),
        *("model=[a]", "'model={a: 1}'", "callbacks={}", "'pretrain={epochs: 1}'", "pretrain=5"),
        *(
            "experiment=abc",
            "experiment=",
            "experiment=../x",
            "experiment=/etc/passwd",
            "hydra=abc",
        ),
        *("hydra=null", "'hydra={a: 1}'", "hydra/launcher=abc", "hydra/sweeper=abc"),
    ],
    "keys taken out or added": [
        *("~seed", "~test", "~trainer.devices", "~trainer.precision", "~logger._target_"),
        *("~callbacks.early_stopping", "~callbacks.early_stopping.monitor", "~abc", "+abc=1"),
        *("abc=1", "=1", "==", "=", "+=1", "~", "seed", "seed=", "seed==1", "@x=1", "seed@x=1"),
        *("a.b.c=1", ".=1", "seed.x=1", "+seed.x=1", "model.hidden.x=1", "++model.hidden=abc"),
        *("+model.hidden=1", "seed=1,2,", "seed=[1,2", "seed=٣", "seed=0x10", "seed=a\0b", "--abc"),
    ],
    "values that only one key takes": [
        *("'model.head={a: 1}'", "'model.head=[{a: 1}]'", "model.head=[null]", "model.head=[nan]"),
        *("model.head=[[1]]", "model.head=[1.5]", "model.head=[0]", f"optimizer.lr={GIANT}"),
        *("data.source=abc", "data.source=null", "data.source=[a]", "data.name=abc"),
        *("data.config=abc", f"data.folds={2**31}", f"data.folds={2**31} data.fold=0"),
        *("data.format=parquet data.train=/proc/kmsg", "data.train='a\0b'"),
    ],
    "arguments of the trainer": [
        *("trainer.devices=[0]", "trainer.devices=0,1", f"trainer.devices=\"'{ABOVE}'\""),
        *("+trainer.num_nodes=0", f"+trainer.num_nodes={2**31}", "+trainer.strategy=abc"),
        *("+trainer.strategy=null", "+trainer.strategy=[a]", "+trainer.strategy=fsdp"),
        *("+trainer.max_time=1", "+trainer.max_time=99999999999999:00:00:00"),
        *("'+trainer.max_time={days: 1e308}'", "'+trainer.max_time={days: nan}'"),
        *("'+trainer.max_time={a: 1}'", "+trainer.max_time=-1:00:00:00"),
        *("+trainer.limit_train_batches=0", "+trainer.limit_train_batches=nan"),
        *("+trainer.limit_train_batches=abc", "+trainer.limit_train_batches=1e-320"),
        *("+trainer.min_epochs=2147483647", "+trainer.min_steps=1e23", "+trainer.max_steps=abc"),
        *("+trainer.gradient_clip_algorithm=5", "+trainer.deterministic=abc"),
        *("+trainer.benchmark=abc", "+trainer.inference_mode=abc", "+trainer.detect_anomaly=abc"),
        *("+trainer.profiler=5", "+trainer.profiler=[a]", "+trainer.model_registry=5"),
        *("+trainer.default_root_dir=5", "+trainer.sync_batchnorm=abc", "+trainer.profiler=xla"),
        *("+trainer.reload_dataloaders_every_n_epochs=-1", "+trainer.enable_autolog_hparams=abc"),
    ],
    "arguments of the logger and of callbacks": [
        *("+logger.flush_secs=abc", "+logger.max_queue=-1", "+logger.purge_step=abc"),
        *("+logger.filename_suffix=/x", "+logger.filename_suffix=[a]", "+logger.log_dir=x"),
        *("+logger.prefix=[a]", "logger=csv +logger.flush_logs_every_n_steps=0"),
        *("callbacks.early_stopping=5", "+callbacks.x=5", "+callbacks.x=[a]", "+callbacks.x=null"),
        *("+callbacks.x._target_=os.system", "+callbacks.early_stopping.min_delta=abc"),
        *("+callbacks.early_stopping.min_delta=nan", "+callbacks.early_stopping.mode=abc"),
        *("+callbacks.early_stopping.strict=abc", "+callbacks.learning_rate.log_momentum=abc"),
    ],
    "a run to resume": [
        *("resume=", "resume=null", "resume=5", "resume=[a]", "'resume={a: 1}'", "resume=/"),
        *("resume=/dev/zero", "resume={folder}", "resume={folder}/fifo", "resume={folder}/loop"),
        *("resume={folder}/tiny.csv", "'resume=${x}'", "resume=a\0b", "~resume"),
        *("resume={run} seed=5", "resume={run} trainer.max_epochs=0", "resume={run} trainer=abc"),
        *("resume={run} ~trainer", "resume={run} data.train=/dev/zero", "resume={run} resume=abc"),
    ],
    "sweeps": [
        *("seed=1,2 sweep.name=", "seed=1,2 sweep.name=null", "seed=1,2 sweep.name=.."),
        *("seed=1,2 sweep.name=[a]", "seed=1,2 sweep.trials=0", "seed=1,2 sweep.trials=1e23"),
        *("seed=1,2 sweep.minutes=nan", "seed=1,2 sweep.minutes=[1]", "seed=1,2 sweep.prune=abc"),
        *("model.hidden=2,3 sweep.repeats=0", "model.hidden=2,3 sweep.repeats=1e23"),
        *("seed=1,2 sweep.workers=0", "seed=1,2 sweep.workers=1000000", "seed=1,2 sweep.workers=a"),
        *("seed=1,2 sweep.storage=5", "seed=1,2 sweep.storage=[a]", "seed=1,2 sweep.storage=://"),
        *("seed=1,2 sweep.storage=abc://x", "seed=1,2 sweep.storage=/dev/null"),
        *("seed=1,2 sweep.storage={folder}", "seed=1,2 sweep.storage={folder}/fifo"),
        *("seed=1,2 sweep.storage=sqlite:////proc/x.db", "sweep=abc", "'sweep={a: 1}'"),
        *("sweep=[a]", "sweep.abc=1", "model.hidden=2,3 seed=abc", "'seed=range(1,1)'"),
        *("'seed=choice()'", "'seed=interval(2,1)' sweep.trials=1", "'seed=glob(*)'"),
    ],
    "Hydra's own keys": [
        *(
            "hydra.run.dir=",
            "hydra.run.dir=[a]",
            "hydra.run.dir=/proc/x",
            "hydra.run.dir=/dev/null",
        ),
        *("hydra.run.dir={folder}/tiny.csv", "hydra.run.dir={folder}/loop"),
        *("hydra.mode=abc", "hydra.sweeper.params.x=1", "hydra.job_logging=null"),
        *("hydra/job_logging=abc", "hydra.job.name=[a]", "hydra.searchpath=[a]"),
        *("hydra.searchpath=abc", "--cfg abc"),
        *("--config-name abc", "--config-dir abc", "--config-path abc", "--info abc"),
        *("--run --multirun", "--experimental-rerun abc", "--package abc --cfg job"),
        *("hydra.verbose=[1]", "'hydra.verbose={a: 1}'", "hydra.verbose=5", "hydra.verbose=null"),
        *("+hydra.callbacks.x=5", "+hydra.callbacks.x._target_=abc", "hydra.job.env_copy=[1]"),
        *("+hydra.callbacks.x._target_=os.system", "hydra.job.env_copy=[NOT_THERE]"),
        *(
            "hydra.job_logging.version=2",
            "hydra.job_logging.root=5",
            "hydra.job_logging.handlers=5",
        ),
        *("hydra.job_logging.root.level=[a]", "hydra.job_logging.root.handlers=[abc]"),
        *("hydra.job_logging.handlers.file.filename=/proc/x/y", "~hydra.job_logging.root"),
        *("~hydra.job_logging.handlers.file", "+hydra.job_logging.handlers.x.class=os.system"),
        *("hydra.hydra_logging.version=2", "hydra.hydra_logging.root.level=abc"),
        *(
            "+hydra.sweeper.params.abc=1,2",
            "-m hydra.sweeper._target_=abc",
            "-m hydra.sweeper=null",
        ),
        *(
            "-m hydra.launcher._target_=os.system",
            "-m hydra.launcher=null",
            "-m +hydra.launcher.x=1",
        ),
        *("'hydra.run.dir=${x}'", "'hydra.run.dir=${oc.env:NOT_THERE}'", "hydra.run.dir='a\0b'"),
    ],
    "pretraining": [
        f"pretrain=own_text pretrain.epochs=1 {key}"
        for key in (
            *("pretrain.epochs=0", "pretrain.lr=nan", "pretrain.lr=1e308", "pretrain.lr=null"),
            *("pretrain.batch_size=0", f"pretrain.batch_size={2**64}", "pretrain.dropout=1"),
            *("pretrain.weight_drop=abc", "'pretrain.word_dropout={a: 1}'", "pretrain.seed=-1"),
            *(f"pretrain.candidates={2**31}", "pretrain.candidates=0", "pretrain.abc=1"),
            *("data.unlabelled=/proc/kmsg", "data.unlabelled=/dev/zero", "data.unlabelled=a\0b"),
        )
    ],
}
OTHERS = {
    "evaluate": ["-m split=test", "split=test,validation", "+x=1", "~run", "run=a,b", "run=a\0b"],
    "predict": [
        *("text=a input=b", "~batch_size", "input=/proc/kmsg", "input=/dev/zero", "input=-"),
        *("input={folder}/fifo", "input=/proc/self/mem", "output=/proc/x.csv", "output=/dev/full"),
        *("output={folder}", "output={folder}/fifo", "output={folder}/loop", "output=[a]"),
        "output=a\0b",
    ],
    "export": [
        *("run=", "run=null", "run=[a]", "run=/", "run=/dev/zero", "run={folder}/fifo", "abc=1"),
        *("run={folder}/loop", "run={folder}/tiny.csv", "run=a\0b"),
    ],
    "inspect_data": [
        *("data.train=/dev/zero", "data.train=/proc/kmsg", "data.train={folder}/fifo", "data=null"),
        *("output=/proc/x", "output={folder}/fifo", "output={folder}", "output=/dev/full"),
        *("data.vocab_size=abc", "~data", "'data={a: 1}'", "data.max_rows=1e23", "model.hidden=4"),
        *(f"data.folds={2**31}", "data.val_fraction=nan", "data.split_seed=4294967296"),
    ],
    "label_next": [
        *(
            "text=a",
            "number=0",
            "number=abc",
            "input=/proc/kmsg",
            "input={folder}/fifo",
            "run=a\0b",
        ),
        *("output={folder}", "output=/dev/full", "output=a\0b", "min_probability=0.5", "~number"),
    ],
    "suspects": [
        *("data.train=/dev/zero", "data.train={folder}/fifo", "data=null", "folds=1", "folds=abc"),
        *(f"folds={2**31}", "folds=60", "output=/proc/x", "output={folder}/fifo", "output=a\0b"),
        *(
            "output=/dev/full",
            "data.test={folder}/tiny.csv",
            "data.folds=3 data.fold=1",
            "test=true",
        ),
        *("trainer.devices=2", "data.class_weights=[1,2,3]", "experiment=abc", "resume={run}"),
        *("optimizer.lr=1e300", "data.max_rows=1", "folds=2,3", "logger=null", "spreadsheet=maybe"),
    ],
    "leaderboard": [
        *("/", "/nonexistent", "/dev/null", "/dev/zero", "{folder}", "{folder}/fifo", "~nobody"),
        *("{folder}/loop", "{folder}/tiny.csv", "{run}", "--abc", "'*'", "a=b", "'a\0b'", "''"),
    ],
}
