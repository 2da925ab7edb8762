"""What KerasTuner's oracles and their server keep to themselves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

_EVERY = 0.5  # seconds from one look to the next


def requeue(oracle: Any) -> None:
    """Have an oracle give out again the trials that nobody is running any more.

    KerasTuner does this only while it reads its own files, which a kill leaves broken.
    """
    oracle._retry_queue.extend(
        trial.trial_id for trial in oracle.ongoing_trials.values()
    )
    oracle.ongoing_trials.clear()
    oracle.tuner_ids.clear()


def workers_of(oracle: Any) -> set[str]:
    """The names of those who have asked an oracle for trials, and may ask again."""
    from keras_tuner import synchronized

    @synchronized
    def known(oracle: Any) -> set[str]:
        return {*oracle.tuner_ids, *oracle.ongoing_trials}

    return known(oracle)


def give_up(oracle: Any, worker: str) -> str | None:
    """Forget a worker; the id of the trial it ran, which the next to ask will get."""
    from keras_tuner import synchronized

    @synchronized
    def forgotten(oracle: Any) -> str | None:
        oracle.tuner_ids.discard(worker)
        trial = oracle.ongoing_trials.pop(worker, None)
        if trial is None:
            return None
        oracle._retry_queue.append(trial.trial_id)
        return trial.trial_id

    return forgotten(oracle)


def serve(oracle: Any, look: Callable[[], None]) -> None:
    """Give out an oracle's trials until all are done.

    KerasTuner's own server sends a worker away as soon as no new trial is left, and
    waits for ever for one that died; here it waits for what others still run, which
    may come back to the queue.

    Args:
        oracle: of which KerasTuner's environment variables give the address.
        look: called again and again meanwhile.
    """
    import grpc
    from keras_tuner.src import protos
    from keras_tuner.src.distribute.oracle_chief import OracleServicer, exit_chief
    from keras_tuner.src.engine.trial import TrialStatus

    class Servicer(OracleServicer):
        """Has workers wait while there is something that may be theirs."""

        def CreateTrial(self, request: Any, context: Any) -> Any:
            trial = self.oracle.create_trial(request.tuner_id)
            if trial.status == TrialStatus.STOPPED:
                if self.oracle.ongoing_trials:
                    self.oracle.tuner_ids.add(request.tuner_id)
                    trial.status = TrialStatus.IDLE
                else:
                    self.stop_triggered = True
            if trial.status == TrialStatus.IDLE:
                time.sleep(_EVERY)  # the worker asks again at once
            return protos.get_service().CreateTrialResponse(trial=trial.to_proto())

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    servicer = Servicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    address = os.environ["KERASTUNER_ORACLE_IP"], os.environ["KERASTUNER_ORACLE_PORT"]
    server.add_insecure_port(":".join(address))
    server.start()
    try:
        while not servicer.stop_triggered or not exit_chief(oracle):
            look()
            time.sleep(_EVERY)
    finally:
        server.stop(None)
