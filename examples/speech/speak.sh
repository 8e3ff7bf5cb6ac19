#!/bin/sh
# speak.sh OUT.wav: three sentences with silence between and around them, spoken by espeak-ng.
set -eu
espeak-ng -m -w "$1" "<break time='800ms'/> A model is only as good as the machine that runs it. <break time='1200ms'/>
This one listens, and says when somebody speaks. <break time='900ms'/> Silence is an answer too. <break time='700ms'/>"
