"""The table of known mistakes, as text; mistakes.py reads it."""

# A line at the margin names a field of Deviation and a condition of possible.py. Below it are the
# mistakes in that field, in two lines each: the value of the field and the name, then the fix.
TABLE = """
regularised, if there are regularisation losses
    0.0: regularisation losses left out
        loss = loss_fn(y, prediction) + sum(model.losses)
    0.5: half the regularisation losses, as by tf.nn.l2_loss
        loss = loss_fn(y, prediction) + sum(model.losses)
    2.0: the regularisation losses twice
        loss = loss_fn(y, prediction) + sum(model.losses)
    over the batch: the regularisation losses divided by the size of the batch
        loss = loss_fn(y, prediction) + sum(model.losses)  # the mean is of the losses of the data
training, if training makes a difference
    False: training=True forgotten
        prediction = model(x, training=True)  # or Dropout and BatchNormalization stand still
training, if there are statistics and dropout
    statistics as they are: BatchNormalization as in inference, and Dropout as in training
        Call the whole model with training=True.
    without dropout: Dropout as in inference, and BatchNormalization as in training
        Call the whole model with training=True.
loss, if one number is predicted per sample
    broadcast: shapes that broadcast in the loss, every prediction against every target
        y = tf.reshape(y, tf.shape(prediction))  # (N,) against (N, 1) makes (N, N)
reduction, always
    sum: the loss summed instead of averaged
        {mean}
reduction, if there are several outputs
    over the outputs: the losses of the outputs averaged, where Keras adds them up
        loss = loss_a + loss_b, each times its loss_weights.
reduction, if several numbers are predicted per sample
    sum over the batch: the loss summed over the batch, not averaged
        {mean}
    sum over the outputs: the loss summed over the outputs, not averaged
        {mean}
reduction, always
    half: half the loss, as in 1/2 (prediction - y)^2
        Take out the factor 1/2: Keras's has none.
    double: twice the loss, as by adding up the means of two replicas
        {mean}
    fixed divisor: the last, smaller batch averaged over the size of a full one
        Divide by the samples that there are: tf.shape(x)[0], not batch_size.
    divided twice: divided by the size of the batch twice
        {mean}
    half, fixed divisor: half the loss, and the last, smaller batch over the size of a full one
        Take out the factor 1/2, and divide by tf.shape(x)[0], not batch_size.
reduction, if several numbers are predicted per sample
    half the sum over the batch: half the loss summed over the batch, not averaged
        {mean}
reduction, always
    half the sum: half the loss summed, not averaged
        {mean}
weights, if sample_weight is given
    left out: sample_weight left out
        loss = loss_fn(y, prediction, sample_weight=weights)
weights, if class_weight is given
    left out: class_weight left out
        loss = loss_fn(y, prediction, sample_weight=tf.gather(weights_of_classes, y))
weights, if samples are weighed
    over their sum: the mean taken over the sum of the weights
        Keras divides by the number of samples: tf.reduce_mean(losses * weights).
    twice: the weights of the samples multiplied twice, or within the square
        Multiply the losses by them once: tf.reduce_mean(weights * losses).
    broadcast: weights (N,) that broadcast against losses (N, 1), so that each weighs all samples
        loss = tf.reduce_mean(weights * tf.reduce_mean((y - prediction) ** 2, axis=-1))
masked, if the model masks
    left out: the mask left out, padding trained on like the rest
        loss_fn(y, model(x, training=True)) with a Keras loss object finds the mask by itself.
    counted: padding counted in the mean
        Divide by the steps that count: tf.reduce_sum(losses * mask) / tf.reduce_sum(mask).
masked, if the model masks time steps
    sequence by sequence: the mean of each sequence first, and then of these means
        Divide once, by all that count: tf.reduce_sum(losses * mask) / tf.reduce_sum(mask).
    summed over the steps: the loss summed over the time steps under the mask
        Divide by all that count: tf.reduce_sum(losses * mask) / tf.reduce_sum(mask).
    summed: the loss summed over all that count, under the mask
        Divide by all that count: tf.reduce_sum(losses * mask) / tf.reduce_sum(mask).
masked, if the targets may be masked
    by the targets: the mask made from the targets, not from the inputs
        The model's mask comes of the inputs; loss_fn(y, model(x, training=True)) takes it.
gradients, always
    summed: gradients never set to zero, so that each step adds all before
        Take the gradients of this batch alone: a new tape, and a new list, in every step.
    of the step before: the gradients of the batch before, one step late
        Apply the gradients in the step that takes them.
repeated, always
    update twice: the update made twice for each gradient
        Call apply_gradients, or assign, once a batch.
    step twice: two steps on each batch
        Take one gradient and make one update a batch.
    one by one: one variable after another, with gradients taken anew
        Take all gradients from one tape, and then update all variables.
    layer by layer: one layer after another, with gradients taken anew
        Take all gradients from one tape, and then update all variables.
repeated, if batches are small
    sample by sample: an update for each sample of the batch
        Take one gradient, of the mean loss of the batch, and make one update.
data, always
    the first sample: the first sample of each batch alone
        Take the whole batch: loss_fn(y, model(x, training=True)), without an index.
    the first half: the first half of each batch alone
        Take the whole batch: loss_fn(y, model(x, training=True)), without a slice.
    all but the last sample: the last sample of each batch left out
        Take the whole batch: x[first:last] does not hold the sample with the number last.
loss, if there are several time steps
    of the last time step: the loss of the last time step alone
        loss_fn(y, prediction), without prediction[:, -1].
    of the first time step: the loss of the first time step alone
        loss_fn(y, prediction), without prediction[:, 0].
anew, if the optimizer has a memory
    True: an optimizer made anew in each step
        Make the optimizer once, before the loop.
statistics, if there are statistics
    discarded: the statistics of BatchNormalization discarded
        Keep what the call with training=True assigns to model.non_trainable_variables.
partial, always
    dropped: the last, smaller batch dropped
        Train on it as well: x[i : i + batch_size] may be shorter; no drop_remainder.
calls, if a call changes the model
    one before: the model called once more before the step
        Call the model once a step.
    one after: the model called once more after the step
        Look at it with training=False.
loss, if the loss takes from_logits
    from_logits the other way: from_logits the other way round
        Give the loss from_logits=True if the last layer has no softmax or sigmoid, else False.
loss, if a cross-entropy of probabilities
    arguments swapped: the arguments of the loss the wrong way round
        loss_fn(y_true, y_pred): the targets come first.
loss, if from_logits=True
    softmax twice: softmax taken twice
        Leave the softmax to the loss, which has from_logits=True.
batches, always
    the first: always the first batch
        Pass the batch as an argument: tf.function traces what it reads from outside only once.
    backwards: the batches backwards
        Visit the batches in the order in which they come.
loss, if labels are smoothed
    not smoothed: label smoothing left out
        Give the loss the same label_smoothing as Keras's.
frozen_too, if SGD with frozen layers
    True: frozen variables updated as well
        Take gradients for model.trainable_variables, not for model.variables.
velocity, if SGD with momentum
    none: momentum left out
        v.assign(momentum * v - learning_rate * g); w.assign_add(v)
    forgotten: the velocity forgotten after every step, as by an optimizer made anew
        Make the velocities once, before the loop; or the optimizer, if it is one.
    pytorch: momentum in PyTorch's form, with the rate outside the velocity
        v.assign(momentum * v - learning_rate * g); w.assign_add(v)  # the rate inside the velocity
    dampened: momentum with dampening, (1 - momentum) on the gradient
        v.assign(momentum * v - learning_rate * g); w.assign_add(v)  # no (1 - momentum)
    shared: one velocity for all variables
        velocities = [tf.Variable(tf.zeros_like(w)) for w in model.trainable_variables]
    by name: one velocity for all variables of the same name
        Keep velocities by variable.path: variable.name is 'kernel' in every layer.
nesterov, if SGD with Nesterov
    ignored: Nesterov ignored
        w.assign_add(momentum * v - learning_rate * g)  # with the new v, not w.assign_add(v)
    at the point ahead: Nesterov with the gradient at w + momentum * v
        Take g at w, not at w + momentum * v; then w.assign_add(momentum * v - learning_rate * g).
nesterov, if SGD with momentum, without Nesterov
    added: Nesterov, where the optimizer has none
        w.assign_add(v)  # or keras.optimizers.SGD(..., nesterov=True)
decay, if SGD with weight_decay
    none: weight decay left out
        w.assign_sub(learning_rate * weight_decay * w)  # before the step
    coupled: weight decay coupled, added to the gradient
        w.assign_sub(learning_rate * weight_decay * w)  # before the step, not in the gradient
    after: weight decay after the step
        Decay w before the step, and after the gradient.
    without the rate: weight decay without the learning rate
        w.assign_sub(learning_rate * weight_decay * w)  # times the rate
    before, without the rate: weight decay without the learning rate, before the step
        w.assign_sub(learning_rate * weight_decay * w)  # times the rate
decay, if some are excluded from weight decay
    excluded too: weight decay also of variables excluded from it
        Leave out what optimizer.exclude_from_weight_decay names.
decayed, if SGD or Adam with weight_decay
    kernels: weight decay of the kernels alone
        Decay every variable, or leave some out: optimizer.exclude_from_weight_decay(var_names=...).
velocity, if SGD with momentum and clipping
    clipped: the velocity clipped instead of the gradient
        Clip the gradients, before the velocity takes them up.
    clipped, pytorch: the velocity of PyTorch's form clipped instead of the gradient
        Clip the gradients, before the velocity takes them up.
clip, if the optimizer clips
    none: gradients not clipped
        Clip the gradients before the step.
clip, always
    length 1: the gradients of each variable divided by their length
        Use the gradients as they are; Keras clips with clipnorm, which leaves short ones alone.
    length 1, together: the gradients divided by their length, all together
        Use the gradients as they are; Keras clips with global_clipnorm, which leaves short ones.
    signs: the signs of the gradients in place of the gradients
        w.assign_sub(learning_rate * g)
clip, if SGD with global_clipnorm
    tensor by tensor: gradients clipped tensor by tensor instead of all together
        gradients, _ = tf.clip_by_global_norm(gradients, limit)
clip, if SGD with clipnorm
    all together: gradients clipped all together instead of tensor by tensor
        gradients = [tf.clip_by_norm(g, limit) for g in gradients]
clip, if SGD with clipping and weight_decay
    after decay: gradients clipped after weight decay was added to them
        Clip the gradient of the loss alone, and decay w by itself.
rate, if there is a schedule
    the first: the learning rate of the first step at every step
        Read the rate inside the step, as a tensor: a trace keeps the value of a Python number.
    a step later: the schedule one step ahead
        Count from 0: take schedule(step) first, and then add 1 to step.
    a step earlier: the schedule one step behind
        Count every step: the second one has schedule(1).
    all variables: the schedule counted once a variable
        Count once a step: step += 1 behind the loop over the variables.
rate, if SGD with a schedule
    once a variable: the schedule counted once a variable, within the loop over them
        Count once a step: step += 1 behind the loop over the variables.
loss, if Keras casts the loss down
    not cast: the loss computed in float64, where Keras casts to float32
        keras.config.set_floatx('float64'), or a loss object with dtype='float64'.
exact_numbers, if SGD in float64
    True: numbers not rounded to float32, as Keras rounds them
        learning_rate = tf.cast(tf.constant(0.1, tf.float32), tf.float64), and momentum likewise.
accumulated, if SGD with gradient_accumulation_steps
    False: gradients not accumulated
        Add up the gradients of gradient_accumulation_steps batches, and move by their mean.
    summed: gradients added up, and not divided by the number of batches
        Move by the mean of the gradients: divide their sum by gradient_accumulation_steps.
averaged, if SGD with overwriting averages
    False: the average of the weights never put in their place
        w.assign(average) every ema_overwrite_frequency steps.
    swapped: the factor of the moving average swapped
        average = ema_momentum * average + (1 - ema_momentum) * w
constrained, if SGD with constraints
    False: constraints not applied
        if w.constraint is not None: w.assign(w.constraint(w))  # after the step
""".replace(
    "{mean}",
    "Take the mean: loss = loss_fn(y, prediction) with a keras.losses object, or tf.reduce_mean.",
)
