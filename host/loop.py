"""The loop of a run in the host: its steps, and what goes on around them.

A run can be kept in a file and resumed. After each step it is checked that the numbers are finite, the report gets its
entries, the page is told how long the run will still take, and the host's callback gets a preview.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor
from tqdm.auto import tqdm

from ..csd.distill import Distillation, State, Stepped
from ..csd.tree import Theta
from .forecast import Forecast
from .guider import CSDGuider
from .progress import Countdown, WithinSteps, say
from .record import Record
from .states import Keeper, NotKept


@dataclass(frozen=True)
class Loop:
    """The steps of a run and what goes on around them.

    guider     counts the evaluations of the model
    keeper     the file that the run is kept in
    refuse     (state, theta before its step) -> None; raises ValueError where numbers are not finite
    size       step -> step size, for the report
    show       state -> latents of the preview
    callback   the host's, which gets the preview; None: there is none
    forecast   step to begin with -> what the run will take, told before it; None: nothing is told
    advice     what is shown beside the progress
    silent     whether there is no bar in the terminal
    """

    run: Distillation
    guider: CSDGuider
    keeper: Keeper | NotKept
    refuse: Callable[[Stepped, Theta], None]
    size: Callable[[int], float]
    show: Callable[[Stepped], Tensor]
    callback: Callable | None = None
    forecast: Callable[[int], Forecast] | None = None
    advice: str = ""
    silent: bool = False

    def __call__(self, source: Theta | None, start: Theta) -> tuple[State, Record]:
        """The last state and the record of the whole run, including its part before it was resumed."""
        with self.keeper:
            first, before = self.keeper.begin(self.run.init(start))
            state, record, begun = first, before, time.perf_counter()
            forecast = self._told(first.step)
            within = WithinSteps(self.run.length, first.step, partial(self._tell, forecast))
            for state in self._steps(source, first, within):
                record.add(state, self.size(state.step - 1))
                seconds = before.seconds + time.perf_counter() - begun
                record = replace(record, evaluations=before.evaluations + self.guider.evaluations, seconds=seconds)
                self.keeper(state, record)
                if self.callback is not None:
                    self.callback(within.done - 1, self.show(state), None, within.total)
        if forecast is not None:
            forecast.remember()
        return state, record

    def _steps(self, source: Theta | None, start: State, within: WithinSteps) -> Iterator[Stepped]:
        """Yields the state after each step, and says how long the others will take."""
        states, theta = replace(self.run, follow=within)(source, start), start.theta
        countdown = Countdown(self.run.length, start.step)
        for state in tqdm(states, total=self.run.length, initial=start.step, disable=self.silent):
            self.refuse(state, theta)
            theta = state.theta
            self._say(countdown.after(state.step))
            yield state

    def _told(self, begun: int) -> Forecast | None:
        """What the run will take, which is also told on the page and in the log."""
        if self.forecast is None:
            return None
        forecast = self.forecast(begun)
        logging.info("%s: %s", self.guider.node, forecast.before())
        self._say(forecast.before())
        return forecast

    def _tell(self, forecast: Forecast | None) -> None:
        """Tells the time after the first evaluations, where no earlier run has told it."""
        if forecast is not None and not forecast.known:
            self._say(forecast.within())

    def _say(self, text: str) -> None:
        say(f"{self.advice} {text}".strip())
