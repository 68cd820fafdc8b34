"""Names that people bring from other libraries, and the keys that they mean."""

# By key, in lower case and without underscores.
NAMES = {
    "model.hidden": "units lstmunits hiddenunits hiddensize hiddendim numunits nhidden",
    "model.layers": "numlayers nlayers lstmlayers numlstmlayers depth",
    "model.dropout": "dropoutrate droprate rate pdrop",
    "model.embedding_dim": "embeddingsize embedsize embeddim embdim outputdim",
    "model.bidirectional": "bidir birnn bilstm",
    "model.head": "dense densesizes densesize denseunits",
    "optimizer": "optim solver",
    "optimizer.lr": "lr learningrate learningrateinit eta",
    "optimizer.weight_decay": "weightdecay decay wd l2",
    "trainer.max_epochs": "epochs epoch nepochs nepoch numepochs numtrainepochs maxepoch maxiter",
    "trainer.gradient_clip_val": "clip clipnorm gradclip gradientclip maxgradnorm",
    "trainer.accelerator": "device gpu gpus",
    "callbacks.early_stopping.patience": "patience",
    "data.batch_size": "batch bs batchsize perdevicetrainbatchsize",
    "data.train": "train trainfile traindata file input path csv filename dataset datafile",
    "data.validation": "val valid validation dev valfile valdata validationdata evalset",
    "data.test": "testfile testdata",
    "data.val_fraction": "valsplit validationsplit valsize",
    "data.test_fraction": "testsplit testsize",
    "data.text_column": "text textcol textcolumn textfield",
    "data.label_column": "label labels labelcol labelcolumn target targetcolumn y",
    "data.max_length": "maxlen maxseqlen maxseqlength maxsequencelength seqlen sequencelength",
    "data.vocab_size": "vocab numwords maxfeatures vocabularysize inputdim maxtokens",
    "data.class_weights": "classweight weights",
    "data.folds": "cv kfold kfolds nsplits",
    "pretrain.epochs": "numepochs nepochs maxepochs",
    "pretrain.lr": "learningrate",
    "seed": "randomstate randomseed rngseed",
    "threads": "njobs numthreads nthreads",
    "sweep.trials": "ntrials maxtrials niter",
    "sweep.minutes": "timeout minutes",
    "sweep.workers": "numworkers workers",
    # Keys of the other commands.
    "run": "checkpoint ckpt rundir folder model",
    "file": "input path csv filename datafile testfile testdata test",
    "input": "file path csv filename datafile",
    "output": "out outfile outputfile save",
    "text_column": "textcol textfield",
    "label_column": "label labels labelcol target targetcolumn",
    "batch_size": "batch bs batchsize",
    "accelerator": "device gpu gpus",
    "min_probability": "threshold minprob minproba",
}


def meant_by(typed: str) -> list[str]:
    """Lists the keys that a name may mean elsewhere; of what was typed, the last part counts."""
    name = typed.rpartition(".")[2].lower().replace("_", "").replace("-", "")
    return [key for key, names in NAMES.items() if name in names.split()]
