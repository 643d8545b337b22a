// The microphone, for as long as there is a call: whoever hangs up while the browser
// still asks gives it back at once.

export async function lend(constraints, handler) {
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    if (!handler.peerConnection) // closed
        stream.getTracks().forEach((track) => track.stop());
    return stream;
}
