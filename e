flux-job: ERROR: ƒ2UzHM: Connection reset by peer (the broker at FLUX_URI has ended, or cut this client off)
